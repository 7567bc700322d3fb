#include "gates/learnable.hpp"

namespace moescope {

namespace {

/// GPT-OSS (OpenAI 2025): the k largest of W x + b, weighted by the softmax over them.
template <class T>
class GptOssGate final : public gates::LearnableGate<T> {
 public:
  explicit GptOssGate(ModelConfig const& model) : gates::LearnableGate<T>(model, true) {}
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_gpt_oss_gate(ModelConfig const& model) {
  return std::make_unique<GptOssGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_gpt_oss_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
