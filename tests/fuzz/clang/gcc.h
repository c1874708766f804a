/* What the library uses of gcc that clang lacks. */
#ifndef FATHOM_FUZZ_GCC_H
#define FATHOM_FUZZ_GCC_H

/* values[at[i]] for every lane i. */
#define __builtin_shuffle(values, at)                                                                                  \
  ({                                                                                                                   \
    __typeof__(values) from_ = (values), to_;                                                                          \
    __typeof__(at) at_ = (at);                                                                                         \
    const unsigned lanes_ = sizeof at_ / sizeof at_[0];                                                                \
    for (unsigned i_ = 0; i_ < lanes_; i_++) to_[i_] = from_[(unsigned)at_[i_] % lanes_];                              \
    to_;                                                                                                               \
  })

#endif
