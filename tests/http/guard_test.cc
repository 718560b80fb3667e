// Host, Origin and Content-Type checks.
#include "server/http/guard.h"

#include <gtest/gtest.h>

namespace sparsweep {
namespace {

TEST(IsOwnHost, AcceptsAddressesLocalhostAndTheMachinesName) {
  for (const char* host :
       {"127.0.0.1:8080", "127.0.0.1", "10.1.2.3:80", "[::1]:8080", "[fe80::1]", "localhost",
        "LocalHost:9", "node7", "node7:8080", "node7.lab.example"}) {
    EXPECT_TRUE(IsOwnHost(host, "node7.lab.example")) << host;
  }
}

TEST(IsOwnHost, RefusesNamesThatMerelyResolveHere) {
  for (const char* host : {"evil.example", "evil.example:8080", "localhost.evil.example", "", ":80",
                           "127.0.0.1.evil.example", "[::1", "node8", "lab.example"}) {
    EXPECT_FALSE(IsOwnHost(host, "node7.lab.example")) << host;
  }
  EXPECT_FALSE(IsOwnHost("", ""));
}

TEST(IsSameOrigin, ComparesSchemeHostAndPort) {
  EXPECT_TRUE(IsSameOrigin("", "localhost:8080"));
  EXPECT_TRUE(IsSameOrigin("http://localhost:8080", "localhost:8080"));
  EXPECT_TRUE(IsSameOrigin("https://Node7", "node7"));
  EXPECT_FALSE(IsSameOrigin("http://localhost:9090", "localhost:8080"));
  EXPECT_FALSE(IsSameOrigin("http://evil.example", "localhost:8080"));
  EXPECT_FALSE(IsSameOrigin("null", "localhost:8080"));
}

TEST(IsJson, RefusesWhatAFormCanSend) {
  EXPECT_TRUE(IsJson("application/json"));
  EXPECT_TRUE(IsJson("Application/JSON ; charset=utf-8"));
  EXPECT_FALSE(IsJson("text/plain"));
  EXPECT_FALSE(IsJson("application/x-www-form-urlencoded"));
  EXPECT_FALSE(IsJson(""));
}

}  // namespace
}  // namespace sparsweep
