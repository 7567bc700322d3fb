#include "traffic/tally.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "traffic/expert_rows.hpp"

namespace moescope::traffic {
namespace {

constexpr std::size_t absent = std::size_t(-1);

std::int64_t ring_messages(Operation operation, std::int64_t ranks) {
  return operation == Operation::all_reduce ? 2 * (ranks - 1) : ranks - 1;
}

}  // namespace

Tally::Tally(RunConfig const& config, Layout const& layout, std::int64_t rank)
    : layout_(layout),
      ep_rank_(layout.coordinate(Axis::ep, rank)),
      collectives_(collectives(config, layout)),
      volumes_(collectives_.size()) {}

std::size_t Tally::find(std::string_view name) const {
  auto const found = std::find_if(collectives_.begin(), collectives_.end(), [&](auto const& c) { return c.name == name; });
  return found == collectives_.end() ? absent : std::size_t(found - collectives_.begin());
}

void Tally::add(std::string_view name, std::int64_t calls, std::int64_t bytes) {
  auto const i = find(name);
  if (i == absent) return;
  MOESCOPE_CHECK(collectives_[i].operation != Operation::all_to_all);
  auto const messages = ring_messages(collectives_[i].operation, layout_.size(collectives_[i].axis));
  volumes_[i].payload_bytes += calls * bytes;
  volumes_[i].messages += calls * messages;
  volumes_[i].calls += calls;
}

void Tally::add_rows(std::string_view name, std::vector<std::int64_t> const& rows, std::int64_t row_bytes) {
  auto const i = find(name);
  if (i == absent) return;
  MOESCOPE_CHECK(collectives_[i].operation == Operation::all_to_all);
  volumes_[i].payload_bytes += away(rows, ep_rank_) * row_bytes;
  for (std::size_t peer = 0; peer < rows.size(); ++peer)
    volumes_[i].messages += std::int64_t(peer) != ep_rank_ && rows[peer] > 0 ? 1 : 0;
  ++volumes_[i].calls;
}

}  // namespace moescope::traffic
