// Sweep files, messages and core's values say the same.
#include "proto/convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

namespace sparsweep {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] = R"j({
  "name": "degrees",  // a comment
  "model": "tiny", "task": {"files": {"train": ["a.tsv"], "dev": ["b.tsv"]}, "format": "tsv",
                            "columns": {"text": "t", "label": "l"}, "labels": ["0", "1"]},
  "attention": "$layers: window($w)",
  "axes": {"layers": ["all", "last 1"], "w": [1, 3], "learning_rate": [3e-5, 0.001]},
  "where": ["w > 1 or learning_rate < 0.001"],
  "training": {"epochs": 2, "batch_size": 16, "max_length": 64, "pooling": "mean"},
  "seeds": [1, 9007199254740991], "mask_seeds": 2, "baseline": "none", "priority": -3,
  "weight": 2.5, "max_running": 3, "needs": {"memory": 4294967296, "labels": {"gpu": "a100"}},
  "time_limit": 60, "idle_limit": 5, "max_failed_share": 0.5, "fresh": true,
  "keep": "best", "threads": 2
})j";

TEST(Convert, AFileAndItsMessageAreTheSameSpec) {
  const Result<SweepSpec> from_file = ParseSweepSpec(kFile);
  ASSERT_TRUE(from_file.ok()) << from_file.status().message();
  const Result<v1::SweepSpec> message = SweepSpecToProto(kFile);
  ASSERT_TRUE(message.ok()) << message.status().message();
  const Result<SweepSpec> from_message = SweepSpecFromProto(*message);
  ASSERT_TRUE(from_message.ok()) << from_message.status().message();
  EXPECT_EQ(*from_message, *from_file);
  EXPECT_EQ(from_message->seeds.at(1), 9007199254740991u) << "seeds keep all their digits";
  EXPECT_EQ(from_message->priority, -3);
}

TEST(Convert, GridsOfMeasurementsAndSelectionsSurviveTheWire) {
  for (const char* file :
       {R"j({"name": "n", "kind": "profile", "model": "m", "profile": {"lengths": [128, 256]}})j",
        R"j({"name": "n", "kind": "infer", "model": "m", "infer": {"lengths": [128]}})j",
        R"j({"name": "n", "model": "m", "task": "t", "axes": {"batch_size": [16, 32]},
             "training": {"select": {"over": ["batch_size"]}}})j"}) {
    const Result<SweepSpec> spec = ParseSweepSpec(file);
    ASSERT_TRUE(spec.ok()) << spec.status().message();
    EXPECT_EQ(*SweepSpecFromProto(SweepSpecToProto(*spec)), *spec) << file;
  }
}

TEST(Convert, AValidatedSpecSurvivesTheWire) {
  const SweepSpec spec = *ParseSweepSpec(kFile);
  const v1::SweepSpec message = SweepSpecToProto(spec);
  v1::SweepSpec received;
  ASSERT_TRUE(received.ParseFromString(message.SerializeAsString()));
  EXPECT_EQ(*SweepSpecFromProto(received), spec);
}

TEST(Convert, TheMessagesOwnJsonFormIsASweepFile) {
  const v1::SweepSpec message = *SweepSpecToProto(kFile);
  std::string json;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(message, &json).ok());
  const Result<v1::SweepSpec> again = SweepSpecToProto(json);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*again, message));
}

TEST(Convert, AFieldThatTheMessageHasNotIsRefused) {
  const auto refused = SweepSpecToProto(R"({"name": "x", "modle": "tiny"})");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("modle"));
}

TEST(Convert, StructsKeepWholeNumbersWhole) {
  const std::string json = R"({"a":[1,2.5,"x",null,true],"b":{"c":-7}})";
  EXPECT_EQ(StructToJson(StructFromJson(json)), json);
  EXPECT_EQ(StructToJson(StructFromJson("[1]")), "{}");
}

TEST(Convert, AMaskPictureHasTheMasksHashAndRows) {
  Mask mask(3);
  mask.Keep(0, 0);
  mask.Keep(2, 1);
  const v1::MaskPicture picture = ToProto(mask);
  EXPECT_EQ(picture.kept(), 2);
  EXPECT_EQ(picture.empty_rows(), 1);
  EXPECT_THAT(picture.rows(), ::testing::ElementsAre("01", "00", "02"));
  EXPECT_EQ(picture.hash().size(), 64u);
}

}  // namespace
}  // namespace sparsweep
