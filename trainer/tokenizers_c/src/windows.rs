//! A question and its context as windows of at most `max_length` tokens, for extractive question answering.

use std::ffi::c_char;
use std::ptr::null_mut;

use tokenizers::{PostProcessor, TruncationDirection};

use crate::{arrays_of, guard, utf8, view_of, Arrays, TokenizersC, TokenizersEncoding};

/// Mirrors `TokenizersWindows`.
#[repr(C)]
pub struct TokenizersWindows {
    count: usize,
    windows: *const TokenizersEncoding,
    owner: *mut WindowArrays,
}

pub struct WindowArrays {
    views: Vec<TokenizersEncoding>,
    _arrays: Vec<Arrays>,
}

/// # Safety
/// The texts point to their sizes in bytes; `out` is writable.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_windows(
    tokenizer_c: *const TokenizersC,
    question: *const c_char,
    question_size: usize,
    context: *const c_char,
    context_size: usize,
    max_length: usize,
    stride: usize,
    out: *mut TokenizersWindows,
    error: *mut *mut c_char,
) -> bool {
    let made = guard(error, || {
        let tokenizer = &(*tokenizer_c).tokenizer;
        let bare = (*tokenizer_c).bare();
        let question = bare.encode(utf8(question, question_size)?, false).map_err(|e| e.to_string())?;
        let mut context = bare.encode(utf8(context, context_size)?, false).map_err(|e| e.to_string())?;
        context.set_type_ids(vec![1; context.len()]);
        let added = tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(true));
        let room = max_length.saturating_sub(added + question.len());
        if room <= stride {
            return Err(format!(
                "its {} tokens leave {room} of max_length {max_length} for the context, which is no more than doc_stride {stride}",
                question.len()
            ));
        }
        context.truncate(room, stride, TruncationDirection::Right);
        let mut rest = context.take_overflowing();
        let mut arrays = Vec::with_capacity(1 + rest.len());
        for window in std::iter::once(context).chain(rest.drain(..)) {
            let whole = tokenizer
                .post_process(question.clone(), Some(window), true)
                .map_err(|e| e.to_string())?;
            arrays.push(arrays_of(&whole)?);
        }
        Ok(WindowArrays { views: arrays.iter().map(view_of).collect(), _arrays: arrays })
    });
    match made {
        None => false,
        Some(windows) => {
            let owner = Box::new(windows);
            *out = TokenizersWindows {
                count: owner.views.len(),
                windows: owner.views.as_ptr(),
                owner: Box::into_raw(owner),
            };
            true
        }
    }
}

/// # Safety
/// `windows` was filled by tokenizers_windows, or is zero.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_windows_free(windows: *mut TokenizersWindows) {
    if !windows.is_null() && !(*windows).owner.is_null() {
        drop(Box::from_raw((*windows).owner));
        (*windows).owner = null_mut();
        (*windows).count = 0;
    }
}
