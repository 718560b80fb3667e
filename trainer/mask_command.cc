#include "trainer/mask_command.h"

#include <nlohmann/json.hpp>
#include <set>

#include "core/catalog.h"
#include "core/json.h"
#include "core/mask_request.h"
#include "trainer/bert_config.h"
#include "trainer/checkpoint.h"
#include "trainer/conllu.h"
#include "trainer/text.h"
#include "trainer/trial_texts.h"

namespace sparsweep {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct Request {
  std::string model, text, text_pair, attention, parses, glove, conllu;
  int64_t max_length = 0, mask_seed = 0, sentence = 1;
  bool rows = false;
};

Result<Request> ParseRequest(const std::string& text) {
  auto document = ParseJson(text, "mask request");
  if (!document.ok()) return document.status();
  Violations violations;
  ObjectReader reader(*document, "", &violations);
  Request request;
  reader.String("conllu", &request.conllu);
  for (auto [name, field, needed] :
       {std::tuple("model", &request.model, true),
        std::tuple("text", &request.text, request.conllu.empty()),
        std::tuple("attention", &request.attention, true),
        std::tuple("text_pair", &request.text_pair, false),
        std::tuple("parses", &request.parses, false), std::tuple("glove", &request.glove, false)}) {
    if (!reader.String(name, field) && needed && document->is_object() &&
        !document->contains(name)) {
      violations.Add(name, "the field \"" + std::string(name) + "\" is missing");
    }
  }
  reader.Whole("max_length", 3, kMaxMaskLength, &request.max_length);
  reader.Whole("mask_seed", 0, kMaxWhole, &request.mask_seed);
  reader.Whole("sentence", 1, kMaxWhole, &request.sentence);
  if (const json* rows = reader.Find("rows")) {
    if (!rows->is_boolean()) violations.Add("rows", "rows must be true or false");
    request.rows = rows->is_boolean() && rows->get<bool>();
  }
  reader.Finish();
  if (!violations.empty()) return violations.ToStatus();
  for (std::string* one : {&request.text, &request.text_pair}) {
    if (!IsUtf8(*one)) return InvalidArgument("the text is not valid UTF-8");
    *one = std::string(Trim(*one));
  }
  if (request.text.empty() && request.conllu.empty()) {
    return InvalidArgument("the text is empty");
  }
  return request;
}

// Per word the words that the graph joins it to, ascending; ROOT is -1.
json Joined(const WordGraph& graph) {
  std::vector<std::set<int>> joined(graph.words.size());
  for (int root : graph.roots) joined[root].insert(-1);
  for (auto [a, b] : graph.edges) {
    joined[a].insert(b);
    joined[b].insert(a);
  }
  return joined;
}

// The sentences that the request's parses come from; they are its text where it has none.
Result<std::optional<ConlluAligner>> OpenTreebank(const Plan& plan, Request* request) {
  if (request->conllu.empty()) return std::optional<ConlluAligner>();
  if (!NeedsParses(plan)) {
    return InvalidArgument("\"conllu\" has parses, and no pattern here is syntax; leave it out");
  }
  auto treebank = ConlluAligner::Open(request->conllu);
  if (!treebank.ok()) return treebank.status();
  if (Status there = treebank->GoTo(request->sentence); !there.ok()) return there;
  if (request->text.empty()) request->text = treebank->NextWords();
  return std::optional(*std::move(treebank));
}

// The parses of the texts: the treebank's if there is one, else the parser's.
Result<WordGraph> ParsesOf(const TextInput& input, const Request& request,
                           std::optional<ConlluAligner> treebank,
                           const std::filesystem::path& data_folder) {
  std::vector<ParsedText> trees;
  if (treebank) {
    for (const std::string& text : input.texts) {
      auto tree = treebank->Take(text, trees.empty() ? "the text" : "its second segment");
      if (!tree.ok()) return tree.status();
      trees.push_back(*std::move(tree));
    }
  } else {
    auto parsed = Parser(data_folder)
                      .Parse(request.parses.empty() ? kDefaultParser : request.parses,
                             {input.texts.begin(), input.texts.end()}, [] { return false; });
    if (!parsed.ok()) return parsed.status();
    trees = *std::move(parsed);
  }
  std::vector<const ParsedText*> segments;
  for (const ParsedText& tree : trees) segments.push_back(&tree);
  return WordGraph(segments);
}

}  // namespace

Result<std::string> AnswerTextMask(const std::string& request_json,
                                   const std::filesystem::path& data_folder) {
  auto parsed = ParseRequest(request_json);
  if (!parsed.ok()) return parsed.status();
  Request& request = *parsed;
  const std::string folder = ModelFolder(data_folder, request.model).string();
  auto config = ReadBertConfig(folder);
  if (!config.ok()) return config.status();
  auto tokenizer = Tokenizer::Load(folder);
  if (!tokenizer.ok()) return tokenizer.status();
  const int max_length =
      request.max_length > 0 ? static_cast<int>(request.max_length) : config->max_positions;
  auto plan = Plan::Resolve(request.attention, {config->layers, config->heads, max_length});
  if (!plan.ok()) return plan.status();
  auto treebank = OpenTreebank(*plan, &request);
  if (!treebank.ok()) return treebank.status();

  TextInput input;
  input.texts = {request.text};
  if (!request.text_pair.empty()) input.texts.push_back(request.text_pair);
  Example example;
  example.text = request.text;
  example.text_pair = request.text_pair;
  const auto whole_text = tokenizer->Encode(example);
  if (!whole_text.ok()) return whole_text.status();
  if (Status truncated = tokenizer->Truncate(max_length); !truncated.ok()) return truncated;
  auto encoded = tokenizer->Encode(example);
  if (!encoded.ok()) return encoded.status();
  input.ids = encoded->ids;
  input.tokens = encoded->offsets;
  auto words = TokenizerWords(*tokenizer, input.texts);
  if (!words.ok()) return words.status();

  std::optional<WordGraph> graph;
  if (NeedsParses(*plan)) {
    auto parses = ParsesOf(input, request, *std::move(treebank), data_folder);
    if (!parses.ok()) return parses.status();
    graph = *std::move(parses);
  }
  std::shared_ptr<const WordSimilarity> by_model, by_glove;
  if (NeedsVectors(*plan, Similarity::kModel)) {
    auto checkpoint = LoadCheckpoint(folder);
    if (!checkpoint.ok()) return checkpoint.status();
    by_model = std::make_shared<WordSimilarity>(SimilarityByModel(
        input, *words, (*checkpoint)->tensors.at("embeddings.word_embeddings.weight")));
  }
  if (NeedsVectors(*plan, Similarity::kGlove)) {
    TaskSpec task;
    task.glove = request.glove;
    if (task.glove.find('/') != std::string::npos) {
      task.glove = std::filesystem::absolute(task.glove).string();
    }
    if (Status there = CheckTextInputs(plan->canonical(), task); !there.ok()) return there;
    auto glove = Glove::Load(GloveFile(data_folder, task).string(), Forms(input, *words));
    if (!glove.ok()) return glove.status();
    by_glove = std::make_shared<WordSimilarity>(SimilarityByGlove(input, *words, *glove));
  }
  const InputMasks masks(input, graph ? &*graph : nullptr, &*words, [&](Similarity by) {
    return by == Similarity::kModel ? by_model : by_glove;
  });

  MaskRequest core;
  core.attention = request.attention;
  core.layers = config->layers;
  core.heads = config->heads;
  core.length = static_cast<int>(input.ids.size());
  core.max_length = max_length;
  core.mask_seed = static_cast<uint64_t>(request.mask_seed);
  core.rows = request.rows;
  auto answer = TryMaskRequest(core, &masks);
  if (!answer.ok()) return answer.status();

  ordered_json whole = ordered_json::parse(*answer);
  const std::vector<Word>& shown = graph ? graph->words : *words;
  const WordTokens by_word(input.tokens, shown);
  ordered_json tokens = ordered_json::array(), forms = ordered_json::array(),
               of_tokens = ordered_json::array();
  for (int32_t id : input.ids) tokens.push_back(tokenizer->TokenText(id));
  for (const Word& word : shown) forms.push_back(Form(input, word));
  for (int token = 0; token < by_word.length(); ++token) of_tokens.push_back(by_word.word(token));
  whole["tokens"] = std::move(tokens);
  whole["uncut_tokens"] = whole_text->ids.size();
  whole["words"] = std::move(forms);
  whole["words_of_tokens"] = std::move(of_tokens);
  if (graph) whole["heads_of_words"] = Joined(*graph);
  return whole.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace sparsweep
