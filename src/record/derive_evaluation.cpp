#include "config/routers.hpp"
#include "metrics/specialization.hpp"
#include "record/rows.hpp"

namespace moescope::record {

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
  return {{"/derived/eval/domain_information", information}};
}

}  // namespace moescope::record
