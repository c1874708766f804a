/* Files that are shipped with the program: in a build inside the source tree they lie beside it. */
#ifndef FATHOM_COMMAND_SHIPPED_H
#define FATHOM_COMMAND_SHIPPED_H

/* A folder of the source tree ("plots", "probes/world") as it would lie beside the running program; freed by the caller, may be
 * NULL. */
char *shipped_beside_program(const char *folder);

#endif
