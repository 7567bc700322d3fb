#pragma once
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.hpp"

namespace moescope {

/// The tensors of a checkpoint: one safetensors file, or a folder with `model.safetensors` or with
/// `model.safetensors.index.json` and the shards that it names. A shard is opened when a tensor of it is first asked for.
class TensorStore : public TensorSource {
 public:
  /// `path`: folder, .safetensors file or .index.json file. Throws UserError: nothing to open there, an index that is no
  /// index, a shard that the index names and that is missing. Each rank may open its own; only pages that are read cost.
  explicit TensorStore(std::string const& path);
  ~TensorStore() override;
  TensorStore(TensorStore&&) noexcept;

  std::string const& path() const override;  ///< as opened
  std::vector<std::string> names() const override;
  bool has(std::string const& name) const override;
  /// These throw a UserError too where the shard does not hold what the index promises.
  TensorInfo const& info(std::string const& name) const override;
  std::vector<double> read_slice(std::string const& name, Range rows, Range columns) const override;
  std::vector<std::int64_t> read_int64(std::string const& name) const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moescope
