#include "reactor/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

#include "reactor/topology.hpp"

namespace meridian::reactor {
namespace {

// A tree of topologies/: one file of sysfs a line, its path and what it holds.
Topology tree(const std::string& name) {
  std::map<std::string, std::string> files;
  std::ifstream data(std::string(MERIDIAN_TOPOLOGIES) + "/" + name + ".txt");
  for (std::string line; std::getline(data, line);) {
    const std::size_t space = line.find(' ');
    if (line.front() != '#' && space != std::string::npos) {
      files[line.substr(0, space)] = line.substr(space + 1) + "\n";
    }
  }
  const auto topology = read_topology([&files](const std::string& path) {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  });
  EXPECT_TRUE(topology.has_value()) << name;
  return topology.value_or(Topology{});
}

TEST(Topology, ReadsListsAsTheKernelWritesThem) {
  EXPECT_EQ(parse_list("0-3,8,10-11\n"), (ProcessorList{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_list("5\n"), ProcessorList{5});
  EXPECT_EQ(parse_list("\n"), ProcessorList{});
  for (const char* wrong : {"a", "1-", "3-1", "1,", "-2", "1 2", "0-99999999", "1,,2"}) {
    EXPECT_FALSE(parse_list(wrong).has_value()) << wrong;
  }
}

TEST(Topology, ReadsCoresNodesAndDistances) {
  const Topology topology = tree("two_nodes");
  EXPECT_EQ(topology.cores.size(), 16U);
  EXPECT_EQ(topology.cores[7].threads, (ProcessorList{7, 23}));
  EXPECT_EQ(topology.cores[8].node, 1U);
  EXPECT_EQ(topology.distance(0, 1), 21U);
  EXPECT_EQ(topology.distance(1, 1), 10U);
  EXPECT_EQ(topology.distance(0, 7), ~0U);
}

TEST(Topology, IsOneNodeWhereTheKernelKnowsNone) {
  const Topology topology = tree("one_core_two_threads");
  ASSERT_EQ(topology.nodes.size(), 1U);
  ASSERT_EQ(topology.cores.size(), 1U);
  EXPECT_EQ(topology.cores[0].threads, (ProcessorList{0, 1}));
}

TEST(Topology, IsUnknownWithoutOnlineProcessors) {
  EXPECT_FALSE(read_topology([](const std::string&) { return std::nullopt; }).has_value());
}

TEST(Topology, OfThisMachineHasTheProcessorsThatAreOnline) {
  const auto topology = read_topology(read_sysfs);
  const auto online = parse_list(read_sysfs("devices/system/cpu/online").value_or(""));
  ASSERT_TRUE(topology.has_value());
  // The checker does not see ASSERT_TRUE.
  EXPECT_EQ(topology.has_value() ? topology->processors() : ProcessorList{}, online);
}

TEST(Placement, GivesTheMatchDutyTheLastOfTwoProcessors) {
  const Placement placement = place(tree("one_node"), {});
  EXPECT_TRUE(placement.is_split);
  EXPECT_EQ(placement.match, 1U);
  EXPECT_EQ(placement.journal, 0U);
  EXPECT_EQ(placement.edge, 0U);
  EXPECT_EQ(placement.memory_node, std::nullopt);
}

TEST(Placement, FusesOnOneProcessorAndOnOneCore) {
  for (const char* name : {"one_processor", "one_core_two_threads"}) {
    const Placement placement = place(tree(name), {});
    EXPECT_FALSE(placement.is_split) << name;
    EXPECT_EQ(placement.match, std::nullopt) << name;
    EXPECT_FALSE(placement.why.empty());
  }
}

TEST(Placement, KeepsDutiesAndMemoryOnOneNode) {
  const Placement placement = place(tree("two_nodes"), {});
  EXPECT_EQ(placement.match, 7U);
  EXPECT_EQ(placement.journal, 0U);
  EXPECT_EQ(placement.edge, 1U);
  EXPECT_EQ(placement.memory_node, 0U);
  EXPECT_EQ(placement.leave_idle, ProcessorList{23});
}

TEST(Placement, FollowsAWishAndAnAffinity) {
  EXPECT_EQ(place(tree("two_nodes"), {{}, {}, 1}).match, 15U);
  EXPECT_EQ(place(tree("two_nodes"), {{}, {}, 1}).memory_node, 1U);
  const Placement confined = place(tree("two_nodes"), {{8, 9, 10}, {}, {}});
  EXPECT_EQ(confined.match, 10U);
  EXPECT_EQ(confined.journal, 8U);
  EXPECT_FALSE(place(tree("two_nodes"), {{8, 24}, {}, {}}).is_split) << "one core, two threads";
}

TEST(Placement, TakesAnIsolatedCoreForMatchingAndNoneForTheRest) {
  const Placement placement = place(tree("two_nodes_isolated"), {});
  EXPECT_EQ(placement.match, 6U);
  EXPECT_EQ(placement.journal, 0U);
  EXPECT_EQ(placement.edge, 1U);
  EXPECT_EQ(place(tree("two_nodes_isolated"), {{}, {6}, {}}).match, 7U);
}

TEST(Placement, LeavesCoresToOtherReactorsOfTheHost) {
  const Topology topology = tree("four_nodes");
  ProcessorList taken;
  std::size_t split = 0;
  for (int reactor = 0; reactor < 20; ++reactor) {
    const Placement placement = place(topology, {{}, taken, {}});
    if (placement.is_split) {
      EXPECT_FALSE(std::ranges::binary_search(taken, placement.match.value_or(0)));
      taken.push_back(placement.match.value_or(0));
      std::ranges::sort(taken);
      ++split;
    }
  }
  EXPECT_EQ(split, 15U) << "sixteen cores, and one is left for everybody's journals";
}

TEST(Placement, TakesMemoryFromTheNearestNodeThatHasSome) {
  EXPECT_EQ(place(tree("four_nodes_memory"), {{}, {}, 1}).memory_node, 0U);
  EXPECT_EQ(place(tree("four_nodes_memory"), {{}, {}, 3}).memory_node, 2U);
}

TEST(Placement, StaysWithinAPartOfEightNodes) {
  const Placement placement = place(tree("eight_nodes"), {{}, {}, 5});
  EXPECT_EQ(placement.match, 11U);
  EXPECT_EQ(placement.journal, 10U);
  EXPECT_EQ(placement.leave_idle, ProcessorList{27});
  EXPECT_EQ(placement.memory_node, 5U);
}

TEST(Placement, PutsTheOthersOnTheNextNodeWhenEachHasOneCore) {
  const Placement placement = place(tree("eight_nodes_one_core"), {{}, {}, 3});
  EXPECT_TRUE(placement.is_split);
  EXPECT_EQ(placement.match, 3U);
  EXPECT_EQ(placement.journal, 2U);
  EXPECT_EQ(placement.edge, 4U);
}

TEST(Placement, MovesWhatWasUnpluggedAndLeavesTheRest) {
  const Placement before = place(tree("two_nodes"), {});
  const Placement after = replace(before, tree("two_nodes_unplugged"), {});
  EXPECT_NE(after.match, 7U);
  EXPECT_EQ(after.match, 23U) << "the core's other thread is still there";
  EXPECT_EQ(after.journal, before.journal);
  const Placement gone = replace(before, tree("two_nodes_node_gone"), {});
  EXPECT_EQ(gone.match, 15U);
  EXPECT_EQ(gone.journal, 8U);
  EXPECT_EQ(gone.memory_node, 1U);
}

TEST(Placement, ChangesNothingWhenNothingChanged) {
  for (const char* name : {"one_node", "one_processor", "two_nodes", "two_nodes_isolated",
                           "four_nodes", "eight_nodes", "eight_nodes_one_core"}) {
    const Placement placement = place(tree(name), {});
    EXPECT_EQ(replace(placement, tree(name), {}), placement) << name;
  }
}

TEST(Placement, StaysWhereItIsWhenBetterPlacesAppear) {
  const Placement placement = place(tree("two_nodes_node_gone"), {});
  const Placement after = replace(placement, tree("two_nodes"), {});
  EXPECT_EQ(after.match, placement.match);
  EXPECT_EQ(after.journal, placement.journal);
}

TEST(Placement, FusesWhenTheSecondCoreGoesAndSplitsWhenItIsBack) {
  const Placement split = place(tree("one_node"), {});
  const Placement fused = replace(split, tree("one_processor"), {});
  EXPECT_FALSE(fused.is_split);
  EXPECT_EQ(replace(fused, tree("one_node"), {}), split);
}

}  // namespace
}  // namespace meridian::reactor
