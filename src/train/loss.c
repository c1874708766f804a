/* Bradley-Terry. */
#include "train/loss.h"

#include <math.h>

void loss_bradley_terry(size_t n_pairs, const real *rewards, double centring, double scale, PairSums *sums,
                        real *drewards) {
  for (size_t i = 0; i < n_pairs; i++) {
    const double chosen = (double)rewards[2 * i], rejected = (double)rewards[2 * i + 1];
    const double margin = chosen - rejected, total = chosen + rejected;
    /* -log sigmoid(m) = log(1 + e^-m), without overflow on either side; 1 - sigmoid(m) = sigmoid(-m). */
    sums->loss += (margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin) + centring * total * total;
    sums->correct += margin > 0 ? 1 : margin == 0 ? 0.5 : 0;
    sums->margin += margin;
    sums->reward += total / 2;
    if (!drewards) continue;
    const double wrong = margin > 0 ? exp(-margin) / (1 + exp(-margin)) : 1 / (1 + exp(margin));
    drewards[2 * i] = (real)(scale * (-wrong + 2 * centring * total));
    drewards[2 * i + 1] = (real)(scale * (wrong + 2 * centring * total));
  }
}
