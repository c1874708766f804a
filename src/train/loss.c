/* Bradley-Terry. */
#include "train/loss.h"

#include <math.h>

/* -log sigmoid(x) = log(1 + e^-x), without overflow on either side. */
static double minus_log_sigmoid(double x) { return x > 0 ? log1p(exp(-x)) : log1p(exp(x)) - x; }

/* sigmoid(-x) = 1 - sigmoid(x). */
static double sigmoid_of_minus(double x) { return x > 0 ? exp(-x) / (1 + exp(-x)) : 1 / (1 + exp(x)); }

void loss_bradley_terry(size_t n_pairs, const real *rewards, const PairLabel *labels, double centring, double scale,
                        PairSums *sums, real *drewards) {
  for (size_t i = 0; i < n_pairs; i++) {
    const PairLabel plain = {.probability = 1, .weight = 1}, *label = labels ? &labels[i] : &plain;
    const double first = (double)rewards[2 * i], second = (double)rewards[2 * i + 1];
    const double p = label->probability, m = label->margin, weight = label->weight;
    const double lead = first - second, total = first + second, favoured = p >= 0.5 ? lead : -lead;
    sums->loss += weight * (p * minus_log_sigmoid(lead - m) + (1 - p) * minus_log_sigmoid(-lead - m));
    sums->centring += weight * (total * total);
    sums->correct += p == 0.5 || favoured == 0 ? 0.5 : favoured > 0 ? 1 : 0;
    sums->margin += favoured;
    sums->reward += total / 2;
    if (!drewards) continue;
    const double wrong = p * sigmoid_of_minus(lead - m) - (1 - p) * sigmoid_of_minus(-lead - m);
    drewards[2 * i] = (real)(scale * weight * (-wrong + 2 * centring * total));
    drewards[2 * i + 1] = (real)(scale * weight * (wrong + 2 * centring * total));
  }
}
