//! Central differences against which hand-written gradients are checked.
