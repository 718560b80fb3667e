#include "server/services/text_pictures.h"

#include "core/json.h"

namespace sparsweep {
namespace {

Status Stopping() { return {StatusCode::kUnavailable, "the server is stopping; ask again later"}; }

v1::MaskPicture PictureAt(const nlohmann::json& json, size_t layer, size_t head) {
  const auto at = [&](const char* name) -> const nlohmann::json& {
    return json.at(name).at(layer).at(head);
  };
  v1::MaskPicture mask;
  mask.set_kept(at("kept").get<int64_t>());
  mask.set_density(at("density").get<double>());
  mask.set_empty_rows(at("empty_rows").get<int32_t>());
  mask.set_hash(at("sha256").get<std::string>());
  for (const auto& row : at("rows")) mask.add_rows(row.get<std::string>());
  return mask;
}

}  // namespace

Result<TextMaskAnswer> ParseTextMaskAnswer(const std::string& text) {
  TextMaskAnswer answer;
  try {  // at() and get() throw on a document of another form
    const nlohmann::json json = nlohmann::json::parse(text);
    for (const auto& token : json.at("tokens")) answer.tokens.push_back(token.get<std::string>());
    answer.uncut = json.at("uncut_tokens").get<int64_t>();
    answer.heads = json.at("heads").get<int>();
    const auto layers = json.at("layers").get<size_t>();
    const auto rows = answer.tokens.size();
    for (size_t layer = 0; layer < layers; ++layer) {
      for (size_t head = 0; head < static_cast<size_t>(answer.heads); ++head) {
        answer.masks.push_back(PictureAt(json, layer, head));
        if (static_cast<size_t>(answer.masks.back().rows_size()) == rows) continue;
        throw nlohmann::json::other_error::create(500, "not one row per token", nullptr);
      }
    }
  } catch (const nlohmann::json::exception&) {
    return Status(StatusCode::kInternal,
                  "the trainer's answer about the text cannot be read; sparsweep and "
                  "sparsweep-trainer must be of the same version");
  }
  return answer;
}

TextPictures::TextPictures(TextMasker masker)
    : masker_(std::move(masker)), thread_([this](const std::stop_token& stop) { Work(stop); }) {}

void TextPictures::Ask(TextMaskQuestion question,
                       std::function<void(Result<TextMaskAnswer>)> reply) {
  bool stopped = false;
  {
    const std::lock_guard lock(mutex_);
    stopped = stopped_;
    if (!stopped && waiting_.size() < kMostWaiting) {
      waiting_.push_back({std::move(question), std::move(reply)});
      ready_.notify_one();
      return;
    }
  }
  reply(stopped ? Stopping()
                : Status(StatusCode::kResourceExhausted,
                         "other texts are waiting for their masks; ask again in a moment"));
}

void TextPictures::Work(const std::stop_token& stop) {
  while (true) {
    Waiting next;
    {
      std::unique_lock lock(mutex_);
      if (!ready_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      if (stop.stop_requested()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const Result<std::string> json = masker_(next.question, stop);
    next.reply(json.ok() ? ParseTextMaskAnswer(*json) : Result<TextMaskAnswer>(json.status()));
  }
}

void TextPictures::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  std::deque<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(waiting_);
  }
  for (Waiting& one : left) one.reply(Stopping());
}

}  // namespace sparsweep
