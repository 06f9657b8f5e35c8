//! Training, evaluation, experiments and reports for Deep Variational Bayes Filters.
