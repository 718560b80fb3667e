// Files that keep the format, and files that lie.
#include "trainer/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/trainer/temp_folder.h"

namespace sparsweep {
namespace {

std::string WithHeader(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

class Safetensors : public testing::Test {
 protected:
  Result<SafetensorsFile> Open(const std::string& bytes) {
    return SafetensorsFile::Open(folder_.Write("model.safetensors", bytes));
  }
  // The complaint about `bytes`, without path and advice.
  std::string Error(const std::string& bytes) {
    auto file = Open(bytes);
    if (file.ok()) return "none";
    std::string message = file.status().message();
    size_t begin = message.find("file: ") + 6;
    return message.substr(begin, message.find("; download") - begin);
  }
  TempFolder folder_;
};

TEST_F(Safetensors, ReadsThreeFloatTypesAndSkipsWhatNobodyReads) {
  float f[2] = {1.5f, -2.25f};
  at::Half h[2] = {at::Half(0.5f), at::Half(3.0f)};
  at::BFloat16 b[1] = {at::BFloat16(-4.0f)};
  std::string data(8 + 4 + 2 + 8, '\0');
  std::memcpy(data.data(), f, 8);
  std::memcpy(data.data() + 8, h, 4);
  std::memcpy(data.data() + 12, b, 2);
  auto file = Open(WithHeader(
      R"({"__metadata__":{"format":"pt"},"f":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("h":{"dtype":"F16","shape":[2],"data_offsets":[8,12]},)"
      R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[12,14]},)"
      R"("ids":{"dtype":"I64","shape":[1],"data_offsets":[14,22]}})",
      data));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->entries().size(), 4u);
  at::Tensor read = file->Read("f").value();
  EXPECT_EQ(read.sizes(), (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(read[1][0].item<float>(), -2.25f);
  EXPECT_EQ(file->Read("h").value()[1].item<float>(), 3.0f);
  EXPECT_EQ(file->Read("b").value()[0].item<float>(), -4.0f);
  EXPECT_NE(file->Read("ids").status().message().find("\"ids\" has dtype I64"), std::string::npos);
  EXPECT_NE(file->Read("no").status().message().find("has no tensor \"no\""), std::string::npos);
}

TEST_F(Safetensors, RefusesWhatIsCutOrLies) {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(Error("1234567"), "it is shorter than its own length field");
  EXPECT_EQ(Error(std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF") + "{}"),
            "its header says 18446744073709551615 bytes, the file has 2");
  EXPECT_EQ(Error(WithHeader(good, "1234567")), "\"a\" reaches beyond the end of the file");
  EXPECT_EQ(Error(WithHeader("[1]", "")), "its header is not a JSON object");
  EXPECT_EQ(Error(WithHeader("{\"a\":", "")), "its header is not a JSON object");
  EXPECT_EQ(
      Error(WithHeader(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "12345678")),
      "the entry of \"a\" is malformed");
  EXPECT_EQ(
      Error(WithHeader(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "12345678")),
      "\"a\" has another size than its shape says");
  EXPECT_EQ(
      Error(WithHeader(R"({"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", "12345678")),
      "\"a\" has the unknown dtype \"F31\"");
  EXPECT_EQ(
      Error(WithHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "12345678")),
      "\"a\" reaches beyond the end of the file");
  EXPECT_EQ(Error(WithHeader(R"({"a":{"dtype":"F32","shape":[1099511627776,1099511627776,1048576],)"
                             R"("data_offsets":[0,8]}})",
                             "12345678")),
            "\"a\" has another size than its shape says")
      << "2^100 elements";
  EXPECT_EQ(Error(WithHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                             "12345678")),
            "two of its tensors overlap");
}

TEST_F(Safetensors, NamesAMissingFile) {
  EXPECT_EQ(SafetensorsFile::Open("/nowhere/model.safetensors").status().message(),
            "/nowhere/model.safetensors: cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace sparsweep
