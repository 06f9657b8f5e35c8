//! Which instruction set the kernels use, decided once at run time.

/// Instruction sets that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Whatever the compilation target guarantees.
    Plain,
    /// AVX2 and fused multiply-add on `x86_64`.
    Avx2,
    /// The F, VL, DQ and BW parts of AVX-512 on `x86_64`.
    Avx512,
}

/// The best level of this processor.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn level() -> Level {
    // The standard library caches the answer in an atomic.
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("fma")
    {
        Level::Avx512
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        Level::Avx2
    } else {
        Level::Plain
    }
}

/// The best level of this processor.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub fn level() -> Level {
    Level::Plain
}

/// Defines functions whose bodies are compiled once per [`Level`] and chosen at run time.
///
/// A body is plain scalar Rust that the compiler vectorizes for each instruction set. Products
/// followed by sums are written with `mul_add`, so all levels give the same bits.
macro_rules! leveled {
    ($(
        $(#[$meta:meta])*
        $vis:vis fn $name:ident $(<$gen:ident : $bound:path>)? ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block
    )*) => {$(
        $(#[$meta])*
        #[expect(unsafe_code, reason = "the instruction set is checked before the call")]
        $vis fn $name $(<$gen: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body $(<$gen: $bound>)? ($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn avx512 $(<$gen: $bound>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$gen: $bound>)? ($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }
                match $crate::level::level() {
                    // SAFETY: the processor has these features.
                    $crate::level::Level::Avx512 => unsafe { avx512($($arg),*) },
                    // SAFETY: the processor has these features.
                    $crate::level::Level::Avx2 => unsafe { avx2($($arg),*) },
                    $crate::level::Level::Plain => body($($arg),*),
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            body($($arg),*)
        }
    )*};
}
pub(crate) use leveled;

/// A computation that [`vectorize`] compiles once per [`Level`].
///
/// `run` must carry `#[inline(always)]`, otherwise the instruction sets beyond the target's
/// baseline do not reach its loops.
pub trait Kernel {
    /// What the computation gives.
    type Output;
    /// Computes it.
    fn run(self) -> Self::Output;
}

leveled! {
    fn run_leveled<K: Kernel>(kernel: K) -> K::Output { kernel.run() }
}

/// Runs `kernel` with the best instruction set of this processor.
#[inline]
pub fn vectorize<K: Kernel>(kernel: K) -> K::Output {
    run_leveled(kernel)
}
