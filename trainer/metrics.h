// What a classification is judged by, from its confusion matrix, and a regression, from its pairs.
// Any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace sparsweep {

// counts[truth][guess].
using Confusion = std::vector<std::vector<int64_t>>;

double Accuracy(const Confusion& counts);
// Of class 1 where there are two classes, else the mean over classes. 0 for a class without any
// true positive.
double F1(const Confusion& counts);
// Matthews correlation coefficient (its generalisation for more than two classes); 0 where it is
// undefined because truth or guesses have one class only.
double Matthews(const Confusion& counts);

// Correlation of two lists of the same size: of the values, and of their ranks, where equal values
// share the mean of theirs. 0 where it is undefined because one of the lists is constant.
double Pearson(const std::vector<double>& a, const std::vector<double>& b);
double Spearman(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace sparsweep
