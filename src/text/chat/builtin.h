/* Chat templates of ours, for models that have none or to try another model's format. */
#ifndef FATHOM_TEXT_CHAT_BUILTIN_H
#define FATHOM_TEXT_CHAT_BUILTIN_H

const char *chat_builtin(const char *name); /* the Jinja text, NULL where there is none of this name */
const char *chat_builtin_names(void);       /* "chatml, gemma, ..." */

#endif
