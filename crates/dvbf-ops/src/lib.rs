//! Forward and backward pairs written by hand, the parameter visitor, and optimizers.
