/* Rotary position embedding (Su et al. 2021), half-split pairs (i, i + R/2) as Hugging Face files order them, and the
 * scalings that stretch it to longer texts. */
#ifndef FATHOM_NUM_ROPE_H
#define FATHOM_NUM_ROPE_H

#include "num/real.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum RopeScaling {
  ROPE_PLAIN,
  ROPE_LINEAR,   /* all frequencies / factor */
  ROPE_DYNAMIC,  /* a base that grows with the sequence beyond max_positions */
  ROPE_YARN,     /* low frequencies / factor, high ones kept, a ramp between (Peng et al. 2023) */
  ROPE_LLAMA3,   /* the same by wavelength, with Llama 3.1's own ramp */
  ROPE_LONGROPE, /* each frequency / a factor of its own, one set up to original_positions and one beyond (Ding et al.
                    2024) */
} RopeScaling;

/* Formulas and defaults are those of modeling_rope_utils in Hugging Face transformers, computed in double. */
typedef struct Rope {
  RopeScaling scaling;
  size_t rotary_dim;             /* R: even; the first R values of a head turn, the rest stay */
  double theta;                  /* the base */
  double factor;                 /* all but plain; in yarn and longrope 0 is max_positions / original_positions */
  double attention_factor;       /* yarn, longrope: of cosines and sines; 0 is what the factor gives */
  size_t max_positions;          /* dynamic: the length it was trained for */
  size_t original_positions;     /* yarn, llama3, longrope: that length */
  double low_turns, high_turns;  /* llama3: low_freq_factor and high_freq_factor, turns over original_positions */
  double beta_fast, beta_slow;   /* yarn: likewise, where the ramp ends and begins; 0 is 32 and 1 */
  double mscale, mscale_all_dim; /* yarn: 0 where the file does not say */
  bool exact_ramp;               /* yarn: the ramp's ends are not rounded ("truncate": false) */
  const double *short_factors, *long_factors; /* longrope: [R/2] each. Divisors that a file keeps as a tensor (llama3
                                                 in GGUF) are longrope with one set for both, attention_factor 1 */
} Rope;

/* Radians a position of pair i < R/2, in a sequence of this length (ignored where nothing depends on it). */
double rope_frequency(const Rope *rope, size_t length, size_t i);

/* What cosines and sines are multiplied by: 1 but for yarn and longrope. */
double rope_attention_factor(const Rope *rope);

/* Do the frequencies depend on the sequence's length? Then each sequence needs a table of its own. */
bool rope_depends_on_length(const Rope *rope);

/* Have sequences of these two lengths the same frequencies? */
bool rope_lengths_agree(const Rope *rope, size_t a, size_t b);

/* Fills cosines and sines [positions, R/2] of positions first, first + 1, ... for a sequence of this length. */
void rope_table(const Rope *rope, size_t length, size_t first, size_t positions, real *cosines, real *sines);

/* Turns heads of [T, stride] rows in place: n_heads heads of E values from the row's start, the first R values of each.
 * Row t uses row rows_at[t] of the table: its position as a rule. The backward pass turns the other way: the transpose
 * of a rotation, times the same factor. */
void rope_rotate(size_t rows, size_t n_heads, size_t head_dim, size_t rotary_dim, const size_t *rows_at,
                 const real *cosines, const real *sines, bool backward, real *x, size_t stride);

#endif
