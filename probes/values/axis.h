/* A value axis: one direction in the activations of a site, with what is needed to read any row off it.
 *
 * The direction is fit on the words of two poles (axis_fit.h), has length 1 and points to the first pole. A row's score is
 * (direction . row - midpoint) / scale: 0 half-way between the means of the two poles' words, 1 a standard deviation of
 * those words further to the first pole. Score and direction flip their sign with the order of the poles. */
#ifndef FATHOM_PROBES_VALUES_AXIS_H
#define FATHOM_PROBES_VALUES_AXIS_H

#include <stddef.h>

typedef struct ValueAxis {
  char *site;        /* "blocks.3.hook_resid_post" */
  size_t width;      /* D */
  double *direction; /* [D] */
  double midpoint;   /* mean of the two poles' means along the direction */
  double scale;      /* standard deviation (n - 1) of all words of both poles along it; > 0 */
  double separation; /* difference of the poles' means along it, in units of scale; of the words it was fit on */
} ValueAxis;

/* direction . row, before midpoint and scale. */
double axis_project(const ValueAxis *axis, const float *row);

double axis_score(const ValueAxis *axis, const float *row);

void axis_clear(ValueAxis *axis); /* all zeros is fine */

#endif
