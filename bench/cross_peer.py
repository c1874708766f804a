"""Linear CKA of pairs of sites by NumPy, run by bench/cross --python once a round.

    cross_peer.py ROWS.f32 N_ROWS WIDTH N_PAIRS float32|float64

ROWS.f32 holds float32 [2 N_PAIRS, N_ROWS, WIDTH]: of each pair the first model's site and the second's. Sites are centred and multiplied
in the type given, with NumPy's BLAS; what follows is float64. Printed: seconds and seconds of processor time of what a site has alone,
the same of what a pair has beyond that, each pair's debiased CKA (Nguyen et al. 2021), and NumPy's version.
"""
import sys
import time

import numpy as np


def square(product):
    return np.square(product, dtype=np.float64).sum()


def alone(rows):
    """Centred rows, their squared norms, and the squared norm of their product with themselves."""
    centred = rows - rows.mean(axis=0, dtype=np.float64).astype(rows.dtype)
    return centred, np.square(centred).sum(axis=1, dtype=np.float64), square(centred.T @ centred)


def debiased(product, norms_x, norms_y):
    n = len(norms_x)
    return product - n / (n - 2) * (norms_x @ norms_y) + norms_x.sum() * norms_y.sum() / ((n - 1) * (n - 2))


def clocks():
    return np.array([time.perf_counter(), time.process_time()])


path, n_rows, width, n_pairs = sys.argv[1], *(int(text) for text in sys.argv[2:5])
sites = np.fromfile(path, dtype=np.float32).reshape(2 * n_pairs, n_rows, width).astype(sys.argv[5], copy=False)
warm = sites[0, :64].T @ sites[0, :64]  # the BLAS starts its threads

started = clocks()
sides = [alone(rows) for rows in sites]
between = clocks()
values = []
for (x, norms_x, xx), (y, norms_y, yy) in zip(sides[::2], sides[1::2]):
    own = debiased(xx, norms_x, norms_x) * debiased(yy, norms_y, norms_y)
    values.append(debiased(square(x.T @ y), norms_x, norms_y) / np.sqrt(own))
ended = clocks()
print(*(between - started) / (2 * n_pairs), *(ended - between) / n_pairs, *values, np.__version__)
