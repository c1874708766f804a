/* Weak-to-strong training: a strong model learns a weak one's labels, and is then measured between the weak model and a
 * ceiling that learned the true ones. */
#ifndef FATHOM_COMMAND_TRAIN_WEAK_H
#define FATHOM_COMMAND_TRAIN_WEAK_H

#include "command/pair_rewards.h"
#include "command/train/options.h"

typedef struct WeakToStrong {
  bool is_on, has_own_heldout; /* --labels-from; --eval files beside those of --pairs */
  PairRewards weak, heldout,
      ceiling;                     /* the weak model on --pairs and on --eval; the ceiling where pairs are held out */
  size_t n_labelled, n_unlabelled; /* training pairs; the unlabelled are left out */
  Bounded label_accuracy;          /* of the weak labels, on the training pairs */
  size_t n_heldout;                /* pairs that all models have */
  Bounded weak_accuracy, student, best; /* on these */
  TransferGain transfer;
} WeakToStrong;

/* Runs or reads the weak model and the ceiling; nothing where --labels-from was not given. */
Status weak_open(const TrainSettings *settings, const SampleSet *train, const SampleSet *heldout, WeakToStrong *weak,
                 Error *err);
void weak_close(WeakToStrong *weak);

/* Gives the training pairs the weak model's labels, p = sigmoid(r_chosen - r_rejected), and no margins, which would
 * tell the truth. Pairs that the weak model has no rewards for are left out. */
Status weak_label(WeakToStrong *weak, SampleSet *train, Error *err);

/* RUN/labels.jsonl: {"id", "probability", "chosen", "rejected"} of every training pair; the latter are the weak
 * rewards. */
Status weak_write_labels(const WeakToStrong *weak, const SampleSet *train, const char *folder, Error *err);

/* Measures the trained model on the held-out pairs. */
Status weak_measure(WeakToStrong *weak, const Inputs *in, const SampleSet *heldout, const TrainSettings *settings,
                    Error *err);

/* The columns of the report, behind the n that are there; and its cells. */
enum { WEAK_COLUMNS = 24 };
void weak_add_columns(const WeakToStrong *weak, const char **columns, size_t *n);
void weak_add_provenance(const WeakToStrong *weak, Provenance *from);
void weak_print_notes(const WeakToStrong *weak, const TrainSettings *settings, Table *table);
void weak_print_cells(const WeakToStrong *weak, Table *table);

#endif
