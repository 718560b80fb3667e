//! The C interface of tokenizers_c.h around the `tokenizers` crate: loading, encoding, and nothing else. No panic leaves a
//! function, no error is lost, and no thread is started: every call works on the caller's thread.

mod windows;

use std::any::Any;
use std::ffi::{c_char, CStr, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;
use std::slice;
use std::str;
use std::sync::OnceLock;

use regex::Regex;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::utils::parallelism::set_parallelism;
use tokenizers::{
    Encoding, NormalizedString, Normalizer, OffsetReferential, OffsetType, PostProcessor, PreTokenizedString,
    PreTokenizer, Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy,
};

pub struct TokenizersC {
    tokenizer: Tokenizer,
    bare: OnceLock<Tokenizer>,
}

impl TokenizersC {
    /// Cuts nothing and adds nothing: pieces that are put together later.
    fn bare(&self) -> &Tokenizer {
        self.bare.get_or_init(|| {
            let mut bare = self.tokenizer.clone();
            bare.with_post_processor(None::<PostProcessorWrapper>);
            let _ = bare.with_truncation(None);
            bare
        })
    }
}

/// Mirrors `TokenizersEncoding`; `owner` keeps the arrays alive.
#[repr(C)]
pub struct TokenizersEncoding {
    length: usize,
    ids: *const u32,
    type_ids: *const u32,
    begins: *const u32,
    ends: *const u32,
    special: *const u8,
    sequence: *const i8,
    owner: *mut Arrays,
}

pub struct Arrays {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
    begins: Vec<u32>,
    ends: Vec<u32>,
    special: Vec<u8>,
    sequence: Vec<i8>,
}

/// Mirrors `TokenizersWords`.
#[repr(C)]
pub struct TokenizersWords {
    length: usize,
    begins: *const u32,
    ends: *const u32,
    owner: *mut WordArrays,
}

pub struct WordArrays {
    begins: Vec<u32>,
    ends: Vec<u32>,
}

fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| s.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the tokenizers library failed: {}", text.unwrap_or_default())
}

/// Runs `work`; a failure or a panic becomes text in `*error`.
fn guard<T>(error: *mut *mut c_char, work: impl FnOnce() -> Result<T, String>) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|p| Err(panic_text(p)));
    match outcome {
        Ok(value) => Some(value),
        Err(text) => {
            if !error.is_null() {
                let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
                unsafe { *error = text.into_raw() };
            }
            None
        }
    }
}

unsafe fn bytes<'a>(data: *const c_char, size: usize) -> &'a [u8] {
    if data.is_null() || size == 0 {
        &[]
    } else {
        slice::from_raw_parts(data.cast(), size)
    }
}

unsafe fn utf8<'a>(data: *const c_char, size: usize) -> Result<&'a str, String> {
    str::from_utf8(bytes(data, size))
        .map_err(|e| format!("the text is not valid UTF-8 at byte {}", e.valid_up_to()))
}

fn offset(value: usize) -> Result<u32, String> {
    u32::try_from(value).map_err(|_| "a text of more than 4 GiB cannot be tokenized".to_string())
}

fn arrays_of(encoding: &Encoding) -> Result<Arrays, String> {
    let mut begins = Vec::with_capacity(encoding.len());
    let mut ends = Vec::with_capacity(encoding.len());
    for &(begin, end) in encoding.get_offsets() {
        begins.push(offset(begin)?);
        ends.push(offset(end)?);
    }
    let special: Vec<u8> = encoding.get_special_tokens_mask().iter().map(|&m| m as u8).collect();
    let sequence = encoding
        .get_sequence_ids()
        .iter()
        .zip(&special)
        .map(|(id, &special)| match id {
            Some(id) if special == 0 => *id as i8,
            _ => -1,
        })
        .collect();
    Ok(Arrays {
        ids: encoding.get_ids().to_vec(),
        type_ids: encoding.get_type_ids().to_vec(),
        begins,
        ends,
        special,
        sequence,
    })
}

/// Points into `arrays`, without owning them.
fn view_of(arrays: &Arrays) -> TokenizersEncoding {
    TokenizersEncoding {
        length: arrays.ids.len(),
        ids: arrays.ids.as_ptr(),
        type_ids: arrays.type_ids.as_ptr(),
        begins: arrays.begins.as_ptr(),
        ends: arrays.ends.as_ptr(),
        special: arrays.special.as_ptr(),
        sequence: arrays.sequence.as_ptr(),
        owner: null_mut(),
    }
}

/// # Safety
/// `json` points to `size` bytes; `error` is null or writable.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_load(
    json: *const c_char,
    size: usize,
    error: *mut *mut c_char,
) -> *mut TokenizersC {
    let made = guard(error, || {
        set_parallelism(false);
        let mut tokenizer = Tokenizer::from_bytes(bytes(json, size)).map_err(|e| e.to_string())?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
        Ok(TokenizersC { tokenizer, bare: OnceLock::new() })
    });
    made.map_or(null_mut(), |t| Box::into_raw(Box::new(t)))
}

/// # Safety
/// `tokenizer` came from tokenizers_load and is used by no other call at the moment.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_truncate(
    tokenizer: *mut TokenizersC,
    max_length: usize,
    error: *mut *mut c_char,
) -> bool {
    guard(error, || {
        let tokenizer = &mut (*tokenizer).tokenizer;
        let added = tokenizer.get_post_processor().map_or(0, |p| p.added_tokens(true));
        if max_length <= added {
            return Err(format!(
                "max_length {max_length} leaves no room for text beside the {added} special tokens of a pair"
            ));
        }
        tokenizer
            .with_truncation(Some(TruncationParams {
                direction: TruncationDirection::Right,
                max_length,
                strategy: TruncationStrategy::LongestFirst,
                stride: 0,
            }))
            .map_err(|e| e.to_string())?;
        Ok(())
    })
    .is_some()
}

/// # Safety
/// The texts point to their sizes in bytes; `pair` may be null; `out` is writable.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_encode(
    tokenizer: *const TokenizersC,
    text: *const c_char,
    text_size: usize,
    pair: *const c_char,
    pair_size: usize,
    out: *mut TokenizersEncoding,
    error: *mut *mut c_char,
) -> bool {
    let made = guard(error, || {
        let tokenizer = &(*tokenizer).tokenizer;
        let text = utf8(text, text_size)?;
        let encoding = if pair.is_null() {
            tokenizer.encode(text, true)
        } else {
            tokenizer.encode((text, utf8(pair, pair_size)?), true)
        }
        .map_err(|e| e.to_string())?;
        arrays_of(&encoding)
    });
    match made {
        None => false,
        Some(arrays) => {
            let owner = Box::new(arrays);
            *out = view_of(&owner);
            (*out).owner = Box::into_raw(owner);
            true
        }
    }
}

/// # Safety
/// `encoding` was filled by tokenizers_encode, or is zero.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_encoding_free(encoding: *mut TokenizersEncoding) {
    if !encoding.is_null() && !(*encoding).owner.is_null() {
        drop(Box::from_raw((*encoding).owner));
        (*encoding).owner = null_mut();
        (*encoding).length = 0;
    }
}

/// # Safety
/// `text` points to its size in bytes; `out` is writable.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_words(
    tokenizer: *const TokenizersC,
    text: *const c_char,
    text_size: usize,
    out: *mut TokenizersWords,
    error: *mut *mut c_char,
) -> bool {
    let made = guard(error, || {
        let tokenizer = &(*tokenizer).tokenizer;
        let mut normalized = NormalizedString::from(utf8(text, text_size)?);
        if let Some(normalizer) = tokenizer.get_normalizer() {
            normalizer.normalize(&mut normalized).map_err(|e| e.to_string())?;
        }
        let mut split = PreTokenizedString::from(normalized);
        if let Some(pre_tokenizer) = tokenizer.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut split).map_err(|e| e.to_string())?;
        }
        let mut arrays = WordArrays { begins: Vec::new(), ends: Vec::new() };
        for (_, (begin, end), _) in split.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            if begin < end {
                arrays.begins.push(offset(begin)?);
                arrays.ends.push(offset(end)?);
            }
        }
        Ok(arrays)
    });
    match made {
        None => false,
        Some(arrays) => {
            let owner = Box::new(arrays);
            *out = TokenizersWords {
                length: owner.begins.len(),
                begins: owner.begins.as_ptr(),
                ends: owner.ends.as_ptr(),
                owner: Box::into_raw(owner),
            };
            true
        }
    }
}

/// # Safety
/// `words` was filled by tokenizers_words, or is zero.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_words_free(words: *mut TokenizersWords) {
    if !words.is_null() && !(*words).owner.is_null() {
        drop(Box::from_raw((*words).owner));
        (*words).owner = null_mut();
        (*words).length = 0;
    }
}

/// # Safety
/// `text` points to `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_lower_case(text: *const c_char, size: usize) -> *mut c_char {
    guard(null_mut(), || {
        let lower = utf8(text, size)?.to_lowercase().replace('\0', " ");
        CString::new(lower).map_err(|e| e.to_string())
    })
    .map_or(null_mut(), CString::into_raw)
}

#[no_mangle]
pub extern "C" fn tokenizers_is_word_character(code_point: u32) -> bool {
    static WORD: OnceLock<Regex> = OnceLock::new();
    let Some(character) = char::from_u32(code_point) else { return false };
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    let word = WORD.get_or_init(|| Regex::new(r"^[\p{L}\p{N}]$").expect("it is one"));
    word.is_match(character.encode_utf8(&mut [0; 4]))
}

/// # Safety
/// `tokenizer` came from tokenizers_load.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_token_text(
    tokenizer: *const TokenizersC,
    id: u32,
) -> *mut c_char {
    guard(null_mut(), || {
        let text = (*tokenizer).tokenizer.id_to_token(id).ok_or_else(String::new)?;
        CString::new(text).map_err(|e| e.to_string())
    })
    .map_or(null_mut(), CString::into_raw)
}

/// # Safety
/// `tokenizer` came from tokenizers_load.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_vocab_size(tokenizer: *const TokenizersC) -> usize {
    guard(null_mut(), || Ok((*tokenizer).tokenizer.get_vocab_size(true))).unwrap_or(0)
}

/// # Safety
/// `tokenizer` came from tokenizers_load; `token` ends with a zero byte.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_token_id(
    tokenizer: *const TokenizersC,
    token: *const c_char,
) -> i64 {
    guard(null_mut(), || {
        let token = CStr::from_ptr(token).to_str().map_err(|e| e.to_string())?;
        Ok((*tokenizer).tokenizer.token_to_id(token).map_or(-1, i64::from))
    })
    .unwrap_or(-1)
}

/// # Safety
/// `tokenizer` came from tokenizers_load, or is null.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_free(tokenizer: *mut TokenizersC) {
    if !tokenizer.is_null() {
        drop(Box::from_raw(tokenizer));
    }
}

/// # Safety
/// `error` came from this library, or is null.
#[no_mangle]
pub unsafe extern "C" fn tokenizers_error_free(error: *mut c_char) {
    if !error.is_null() {
        drop(CString::from_raw(error));
    }
}
