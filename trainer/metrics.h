// What a classification is judged by, from its confusion matrix. Any thread.
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

}  // namespace sparsweep
