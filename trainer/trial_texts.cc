#include "trainer/trial_texts.h"

#include "core/catalog.h"
#include "trainer/conllu.h"
#include "trainer/sentences.h"
#include "trainer/text.h"

namespace sparsweep {
namespace {

constexpr int64_t kMaxSimilarityBytes = int64_t{256} << 20;

bool Needs(const Pattern& pattern, const std::function<bool(const Pattern&)>& holds) {
  if (holds(pattern)) return true;
  const std::vector<Pattern>* terms = nullptr;
  if (const auto* all = pattern.As<Union>()) terms = &all->terms;
  if (const auto* all = pattern.As<Intersection>()) terms = &all->terms;
  if (terms == nullptr) return false;
  for (const Pattern& term : *terms) {
    if (Needs(term, holds)) return true;
  }
  return false;
}

bool NeedsAny(const Plan& plan, const std::function<bool(const Pattern&)>& holds) {
  for (const Pattern& pattern : plan.patterns()) {
    if (Needs(pattern, holds)) return true;
  }
  return false;
}

}  // namespace

bool NeedsParses(const Plan& plan) {
  return NeedsAny(plan, [](const Pattern& p) { return p.As<Syntax>() != nullptr; });
}

bool NeedsVectors(const Plan& plan, Similarity by) {
  return NeedsAny(plan, [by](const Pattern& p) {
    const auto* lexical = p.As<Lexical>();
    return lexical != nullptr && lexical->by == by;
  });
}

Result<std::vector<ParsedText>> Parser::Parse(const std::string& wanted,
                                              const std::vector<std::string_view>& texts,
                                              const std::function<bool()>& cancelled) {
  if (version_ != wanted) {
    auto loaded = LinkGrammar::Load(wanted);
    if (!loaded.ok()) return loaded.status();
    grammar_ = *std::move(loaded);
    version_ = wanted;
    cache_ = std::make_unique<ParseCache>(data_folder_ / "cache/parses" / (wanted + ".v1.jsonl"));
  }
  cache_->Refresh();
  bool locked = false;
  std::vector<ParsedText> parsed(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    for (auto [begin, end] : SplitSentences(texts[i])) {
      const std::string sentence(texts[i].substr(begin, end - begin));
      const ParsedText* known = cache_->Find(sentence);
      if (known == nullptr) {
        // The lock is held until all are parsed: another slot that waits then has them.
        const bool go_on = locked ? !cancelled() : cache_->Lock(cancelled);
        if (!go_on) {
          cache_->Unlock();
          return Status(StatusCode::kCancelled, "the run was cancelled");
        }
        locked = true;
        known = cache_->Find(sentence);
      }
      if (known == nullptr) {
        cache_->Add(sentence, grammar_->Parse(sentence));
        known = cache_->Find(sentence);
      }
      parsed[i].Append(*known, begin);
    }
  }
  cache_->Unlock();
  return parsed;
}

Result<std::shared_ptr<TrialTexts>> TrialTexts::Read(const TaskSpec& task,
                                                     const std::filesystem::path& data_folder,
                                                     Tokenizer tokenizer,
                                                     std::shared_ptr<const Checkpoint> checkpoint) {
  auto examples = ReadExamples(task, data_folder);
  if (!examples.ok()) return examples.status();
  return Of(task, data_folder, *examples, std::move(tokenizer), std::move(checkpoint));
}

Result<std::shared_ptr<TrialTexts>> TrialTexts::Of(const TaskSpec& task,
                                                   const std::filesystem::path& data_folder,
                                                   const Examples& examples, Tokenizer tokenizer,
                                                   std::shared_ptr<const Checkpoint> checkpoint) {
  std::shared_ptr<TrialTexts> texts(
      new TrialTexts(task, data_folder, std::move(tokenizer), std::move(checkpoint)));
  for (const auto* split : {&examples.train, &examples.dev, &examples.test}) {
    for (const Example& example : *split) {
      if (Status added = texts->Add(example); !added.ok()) return added;
    }
  }
  texts->train_size_ = static_cast<int64_t>(examples.train.size());
  for (auto& list : texts->similarities_) list.resize(texts->entries_.size());
  return texts;
}

Status TrialTexts::Add(const Example& example) {
  auto encoded = tokenizer_.Encode(example);
  if (!encoded.ok()) return encoded.status();
  Entry entry;
  entry.input.texts = {example.text};
  if (!example.text_pair.empty()) entry.input.texts.push_back(example.text_pair);
  entry.input.ids = std::move(encoded->ids);
  entry.input.tokens = std::move(encoded->offsets);
  entry.file = example.file;
  entry.line = example.line;
  entries_.push_back(std::move(entry));
  return {};
}

Status TrialTexts::Prepare(const Plan& plan, const std::vector<int64_t>& examples, Parser& parser,
                           const std::function<bool()>& cancelled) {
  const bool syntax = NeedsParses(plan);
  const bool glove = NeedsVectors(plan, Similarity::kGlove);
  const bool lexical = glove || NeedsVectors(plan, Similarity::kModel);
  Status status = CheckTextInputs(plan.canonical(), task_);
  const bool treebank = task_.parses == "conllu";
  if (status.ok() && treebank && !aligned_ && (syntax || lexical)) status = AlignTreebank();
  if (status.ok() && !treebank && syntax) status = ParseAll(examples, parser, cancelled);
  if (status.ok() && lexical) status = FindWords();
  if (status.ok() && glove && !glove_) {
    std::set<std::string> wanted;
    for (const Entry& entry : entries_) {
      wanted.merge(Forms(entry.input, *entry.words));
    }
    auto loaded = Glove::Load(GloveFile(data_folder_, task_).string(), wanted);
    if (!loaded.ok()) return loaded.status();
    glove_ = *std::move(loaded);
  }
  return status;
}

void TrialTexts::SetGraph(Entry& entry, const std::vector<const ParsedText*>& segments) {
  entry.graph.emplace(segments);
  entry.counts = {};
  for (const ParsedText* segment : segments) {
    entry.counts.sentences += segment->sentences;
    entry.counts.parsed += segment->parsed;
    entry.counts.capped += segment->capped;
  }
}

// The sentences of a file lie on all of its rows, those included that are dropped as duplicates.
Status TrialTexts::AlignTreebank() {
  std::map<std::pair<int32_t, int64_t>, Entry*> entries;  // by file and line
  for (Entry& entry : entries_) entries[{entry.file, entry.line}] = &entry;
  std::vector<std::string> columns = {task_.columns.at("text")};
  if (task_.columns.contains("text_pair")) columns.push_back(task_.columns.at("text_pair"));
  const std::vector<std::string> files = TrialFiles(task_, data_folder_);
  for (size_t file = 0; file < files.size(); ++file) {
    auto aligner = ConlluAligner::Open(files[file] + ".conllu");
    if (!aligner.ok()) return aligner.status();
    int64_t row = 0;
    Status status =
        ReadRows(files[file], task_.format, columns, [&](int64_t line, const auto& values) {
          ++row;
          std::vector<ParsedText> parsed;
          for (const std::string& value : values) {
            auto one =
                aligner->Take(Trim(value), "text " + std::to_string(row) + " (" + files[file] +
                                               ":" + std::to_string(line) + ")");
            if (!one.ok()) return one.status();
            parsed.push_back(*std::move(one));
          }
          const auto found = entries.find({static_cast<int32_t>(file), line});
          if (found == entries.end()) return Status();
          std::vector<const ParsedText*> segments;
          for (const ParsedText& segment : parsed) segments.push_back(&segment);
          SetGraph(*found->second, segments);
          return Status();
        });
    if (status.ok()) status = aligner->Finish();
    if (!status.ok()) return status;
  }
  aligned_ = true;
  return {};
}

Status TrialTexts::ParseAll(const std::vector<int64_t>& examples, Parser& parser,
                            const std::function<bool()>& cancelled) {
  std::vector<std::string_view> texts;
  std::vector<int64_t> missing;
  for (int64_t example : examples) {
    if (entries_[example].graph) continue;
    missing.push_back(example);
    for (const std::string& text : entries_[example].input.texts) texts.push_back(text);
  }
  if (missing.empty()) return {};
  auto parsed =
      parser.Parse(task_.parses.empty() ? kDefaultParser : task_.parses, texts, cancelled);
  if (!parsed.ok()) return parsed.status();
  auto next = parsed->begin();
  for (int64_t example : missing) {
    std::vector<const ParsedText*> segments;
    for (size_t i = 0; i < entries_[example].input.texts.size(); ++i) segments.push_back(&*next++);
    SetGraph(entries_[example], segments);
  }
  return {};
}

// The words of `lexical`: the treebank's where there is one, else the tokenizer's.
Status TrialTexts::FindWords() {
  for (Entry& entry : entries_) {
    if (entry.words) continue;
    if (aligned_) {
      entry.words = entry.graph->words;
      continue;
    }
    auto words = TokenizerWords(tokenizer_, entry.input.texts);
    if (!words.ok()) return words.status();
    entry.words = *std::move(words);
  }
  return {};
}

std::shared_ptr<const WordSimilarity> TrialTexts::Similar(int64_t example, Similarity by) const {
  auto& known = similarities_[static_cast<size_t>(by)][example];
  {
    const std::lock_guard lock(mutex_);
    if (known) return known;
  }
  const Entry& entry = entries_[example];
  auto made = std::make_shared<const WordSimilarity>(
      by == Similarity::kGlove
          ? SimilarityByGlove(entry.input, *entry.words, *glove_)
          : SimilarityByModel(entry.input, *entry.words,
                              checkpoint_->tensors.at("embeddings.word_embeddings.weight")));
  const std::lock_guard lock(mutex_);
  if (!known && similarity_bytes_ + made->bytes() <= kMaxSimilarityBytes) {
    similarity_bytes_ += made->bytes();
    known = made;
  }
  return made;
}

InputMasks TrialTexts::Masks(int64_t example) const {
  const Entry& entry = entries_[example];
  return InputMasks(entry.input, entry.graph ? &*entry.graph : nullptr,
                    entry.words ? &*entry.words : nullptr,
                    [this, example](Similarity by) { return Similar(example, by); });
}

TrialTexts::ParseCounts TrialTexts::Counts(const std::vector<int64_t>& examples) const {
  ParseCounts sum;
  for (int64_t example : examples) {
    sum.sentences += entries_[example].counts.sentences;
    sum.parsed += entries_[example].counts.parsed;
    sum.capped += entries_[example].counts.capped;
  }
  return sum;
}

}  // namespace sparsweep
