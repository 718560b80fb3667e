/* C interface of the Hugging Face `tokenizers` library: load tokenizer.json, encode a text or a pair. Not here: decoding,
 * training, batches, padding (the caller pads). No call throws or starts a thread. Any thread may encode with one tokenizer at
 * the same time; loading is per tokenizer, and nobody may encode while tokenizers_truncate runs.
 *
 * A function that can fail returns NULL or false and, where `error` is not NULL, leaves one sentence in *error, which the caller
 * frees with tokenizers_error_free. Texts are UTF-8 of the given size in bytes and need no closing zero.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TokenizersC TokenizersC;

/* One encoded example: `length` entries in each array. Owned by the library until tokenizers_encoding_free. */
typedef struct TokenizersEncoding {
  size_t length;
  const uint32_t* ids;
  const uint32_t* type_ids; /* 0 or 1: the segment, for the model's token type embedding */
  const uint32_t* begins;   /* byte offsets into the text that the token is from; 0, 0 for a special token */
  const uint32_t* ends;
  const uint8_t* special;   /* 1: added by the tokenizer ([CLS], [SEP]), 0: from the text */
  const int8_t* sequence;   /* 0: from the text, 1: from the pair, -1: special */
  void* owner;
} TokenizersEncoding;

/* From the bytes of a tokenizer.json, whose own truncation and padding are switched off. */
TokenizersC* tokenizers_load(const char* json, size_t size, char** error);
void tokenizers_free(TokenizersC* tokenizer);

/* Cuts at `max_length` tokens, special ones included, from the end of the longer of the two texts first. */
bool tokenizers_truncate(TokenizersC* tokenizer, size_t max_length, char** error);

/* `pair` is NULL for a single text; special tokens are added. */
bool tokenizers_encode(const TokenizersC* tokenizer, const char* text, size_t text_size, const char* pair, size_t pair_size,
                       TokenizersEncoding* out, char** error);
void tokenizers_encoding_free(TokenizersEncoding* encoding);

/* The words of a text, which are what the tokenizer cuts into pieces (for BERT: runs without white space or punctuation, and each
 * punctuation mark): `length` pairs of byte offsets into the text, ascending. Owned by the library until tokenizers_words_free. */
typedef struct TokenizersWords {
  size_t length;
  const uint32_t* begins;
  const uint32_t* ends;
  void* owner;
} TokenizersWords;

/* Of the whole text: truncation plays no part. */
bool tokenizers_words(const TokenizersC* tokenizer, const char* text, size_t text_size, TokenizersWords* out, char** error);
void tokenizers_words_free(TokenizersWords* words);

/* A question with its context in windows: the context alone is cut, to windows of at most
 * `max_length` tokens in all, and two in a row share `stride` of its tokens (as the library's
 * truncation of the second text with overflow). `count` encodings, the first window first. Owned by
 * the library until tokenizers_windows_free. */
typedef struct TokenizersWindows {
  size_t count;
  const TokenizersEncoding* windows;
  void* owner;
} TokenizersWindows;

bool tokenizers_windows(const TokenizersC* tokenizer, const char* question, size_t question_size,
                        const char* context, size_t context_size, size_t max_length, size_t stride,
                        TokenizersWindows* out, char** error);
void tokenizers_windows_free(TokenizersWindows* windows);

/* The text in lower case by Unicode's full mapping, zero-terminated (a zero byte in it becomes a
 * blank). NULL if it is not UTF-8. Freed with tokenizers_error_free. */
char* tokenizers_lower_case(const char* text, size_t size);
/* A letter or a number of Unicode, or an underscore: \w of Python. */
bool tokenizers_is_word_character(uint32_t code_point);

/* Added tokens included. */
size_t tokenizers_vocab_size(const TokenizersC* tokenizer);
/* -1 if the vocabulary does not have it. */
int64_t tokenizers_token_id(const TokenizersC* tokenizer, const char* token);

/* The text of a token, zero-terminated, or NULL if no token has this id. Freed with tokenizers_error_free. */
char* tokenizers_token_text(const TokenizersC* tokenizer, uint32_t id);

void tokenizers_error_free(char* error);

#ifdef __cplusplus
}
#endif
