#include "run/held_out_choices.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/to_host.hpp"

namespace moescope {

bool HeldOutChoices::begin_evaluation() {
  next_ = 0;
  return !last_.empty();
}

std::vector<std::int64_t> HeldOutChoices::changed_tokens(ExecSpace const& exec, RoutingRecord const& record) {
  std::vector<Choices> now;
  for (auto const& layer : record.layers) now.push_back(choices_of(exec, layer));
  std::vector<std::int64_t> changed(now.size());
  if (next_ == last_.size()) {
    last_.push_back(std::move(now));
  } else {
    auto& before = last_[next_];
    for (std::size_t l = 0; l < now.size(); ++l) changed[l] = differences(now[l], before.at(l));
    before = std::move(now);
  }
  ++next_;
  return changed;
}

HeldOutChoices::Choices HeldOutChoices::choices_of(ExecSpace const& exec, RoutingRecord::Layer const& layer) {
  Choices choices{to_host_copy(exec, layer.offsets), to_host_copy(exec, layer.expert)};
  for (std::size_t t = 0; t + 1 < choices.offsets.size(); ++t)
    std::sort(choices.expert.begin() + choices.offsets[t], choices.expert.begin() + choices.offsets[t + 1]);
  return choices;
}

std::int64_t HeldOutChoices::differences(Choices const& a, Choices const& b) {
  MOESCOPE_CHECK(a.offsets.size() == b.offsets.size());
  std::int64_t count = 0;
  for (std::size_t t = 0; t + 1 < a.offsets.size(); ++t)
    count += !std::equal(a.expert.begin() + a.offsets[t], a.expert.begin() + a.offsets[t + 1], b.expert.begin() + b.offsets[t],
                         b.expert.begin() + b.offsets[t + 1]);
  return count;
}

}  // namespace moescope
