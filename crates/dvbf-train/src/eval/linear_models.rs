//! The linear models that a learned one is compared with.

use super::{Autoregression, Kalman, OpenLoop};
use crate::pool::Pool;
use crate::settings::Span;
use dvbf_data::Dataset;

/// The linear models of recordings, where there is enough to fit them.
#[derive(Clone, Debug)]
pub struct LinearModels {
    autoregression: Option<Autoregression>,
    kalman: Option<Kalman>,
}

/// Their errors on the same frames.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearErrors {
    /// A linear autoregressive model with inputs.
    pub autoregression: Option<OpenLoop>,
    /// Principal components and a Kalman filter.
    pub kalman: Option<OpenLoop>,
}

impl LinearModels {
    /// Models of the training sequences that predict this span of the validation sequences best.
    ///
    /// # Panics
    /// If the validation sequences are shorter than the span.
    pub fn fit(train: &Dataset, validation: &Dataset, span: Span, pool: &Pool) -> Self {
        let (autoregression, kalman) = pool.join(
            || Autoregression::fit(train, validation, span),
            || Kalman::fit(train, validation, span),
        );
        Self { autoregression, kalman }
    }

    /// The autoregressive model, if there is one.
    pub fn autoregression(&self) -> Option<&Autoregression> {
        self.autoregression.as_ref()
    }

    /// Their errors on a span of these sequences; none of a model that is not there or breaks down.
    ///
    /// # Panics
    /// If the sequences are shorter than the span.
    pub fn errors(&self, data: &Dataset, span: Span, pool: &Pool) -> LinearErrors {
        let (autoregression, kalman) = pool.join(
            || Some(self.autoregression.as_ref()?.errors(data, span)),
            || self.kalman.as_ref()?.errors(data, span),
        );
        LinearErrors { autoregression, kalman }
    }
}
