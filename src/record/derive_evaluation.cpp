#include <limits>

#include "config/routers.hpp"
#include "metrics/specialization.hpp"
#include "record/rows.hpp"

namespace moescope::record {

namespace {

/// [L] of the report's [D,L]; NaN where they are not known.
std::vector<double> changed_fractions(RunFileSetup const& setup, std::vector<std::int64_t> const& changed) {
  auto const routers = std::size_t(router_extents(setup.config.model).routers);
  auto const tokens = double(setup.config.eval.sequences * setup.config.batch.sequence_length) * double(setup.domains.size());
  std::vector<double> fractions(routers, 0);
  for (std::size_t i = 0; i < changed.size(); ++i)
    fractions[i % routers] += changed[i] < 0 ? std::numeric_limits<double>::quiet_NaN() : double(changed[i]) / tokens;
  return fractions;
}

}  // namespace

Rows derived_rows(RunFileSetup const& setup, EvaluationReport const& report) {
  auto const [routers, experts] = router_extents(setup.config.model);
  auto const domains = std::int64_t(setup.domains.size());
  std::vector<double> information;
  for (std::int64_t router = 0; router < routers; ++router) {
    std::vector<std::int64_t> counts;  // [D,E] of the report's [D,L,E]
    for (std::int64_t domain = 0; domain < domains; ++domain) {
      auto const begin = report.expert_tokens.begin() + (domain * routers + router) * experts;
      counts.insert(counts.end(), begin, begin + experts);
    }
    information.push_back(metrics::domain_information(counts, domains));
  }
  return {{"/derived/eval/domain_information", information},
          {"/derived/eval/changed_fraction", changed_fractions(setup, report.changed_tokens)}};
}

}  // namespace moescope::record
