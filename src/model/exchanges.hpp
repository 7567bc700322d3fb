#pragma once
#include "comm/mesh.hpp"

namespace moescope {

/// The exchanges between the layers of a model; those of dispatch and pools stand where they are made.
struct ModelExchanges {
  explicit ModelExchanges(Mesh const& mesh)
      : embedding(mesh.exchange(traffic::names::embedding)),
        attention_forward(mesh.exchange(traffic::names::attention_forward)),
        attention_backward(mesh.exchange(traffic::names::attention_backward)),
        block_forward(mesh.exchange(traffic::names::block_forward)),
        block_backward(mesh.exchange(traffic::names::block_backward)),
        loss_maximum(mesh.exchange(traffic::names::loss_maximum)),
        loss_sums(mesh.exchange(traffic::names::loss_sums)),
        head_backward(mesh.exchange(traffic::names::head_backward)) {}

  ExchangeId embedding;
  ExchangeId attention_forward, attention_backward;
  ExchangeId block_forward, block_backward;
  ExchangeId loss_maximum, loss_sums, head_backward;
};

}  // namespace moescope
