// What the other headers are made of.
#ifndef CONVEYOR_DETAIL_HPP
#define CONVEYOR_DETAIL_HPP

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#if defined(__GNUG__)
#include <cstdlib>
#include <cxxabi.h>
#endif

#include "error.hpp"

namespace conveyor {

namespace detail {

inline conveyor_str view(std::string_view text) noexcept {
  conveyor_str view;
  view.ptr = text.data() ? text.data() : "";
  view.len = text.size();
  return view;
}

inline conveyor_str none() noexcept {
  conveyor_str view;
  view.ptr = nullptr;
  view.len = 0;
  return view;
}

/// No text where it is empty.
inline conveyor_str some(std::string_view text) noexcept { return text.empty() ? none() : view(text); }

inline std::string_view text(conveyor_str view) noexcept { return {view.ptr, view.len}; }

inline std::string take(conveyor_text owned) {
  std::string copy(text(conveyor_text_view(owned)));
  conveyor_text_free(owned);
  return copy;
}

[[noreturn]] inline void raise(conveyor_code code, conveyor_error error) {
  std::string message(text(conveyor_error_message(error)));
  std::vector<std::pair<std::string, std::string>> context;
  conveyor_str name, value;
  for (std::size_t i = 0; conveyor_error_context(error, i, &name, &value); ++i) {
    context.emplace_back(text(name), text(value));
  }
  conveyor_error_free(error);
  throw Error(code, message, std::move(context));
}

/// Throws what a call failed with. The call is given where to put its error.
template <typename Call>
void check(Call&& call) {
  conveyor_error error = 0;
  const conveyor_code code = call(&error);
  if (code != CONVEYOR_OK) raise(code, error);
}

/// What a call finds; nothing where it says that there is none.
template <typename Call>
std::optional<std::string> found(Call&& call) {
  conveyor_text value = 0;
  conveyor_error error = 0;
  const conveyor_code code = call(&value, &error);
  if (code == CONVEYOR_OK) return take(value);
  if (code != CONVEYOR_E_NOT_FOUND) raise(code, error);
  conveyor_error_free(error);
  return std::nullopt;
}

inline std::string quoted(std::string_view plain) {
  conveyor_text json = 0;
  check([&](conveyor_error* error) { return conveyor_json_quote(view(plain), &json, error); });
  return take(json);
}

inline std::string type_of(const std::exception& error) {
#if defined(__GNUG__) && !defined(__GXX_RTTI)
  static_cast<void>(error);
  return "std::exception";
#else
  const char* name = typeid(error).name();
#if defined(__GNUG__)
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  if (status == 0 && plain) return plain.get();
#endif
  return name;
#endif
}

/// A handle with its free. It moves and is not copied.
template <conveyor_code (*Free)(std::uint64_t)>
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(std::uint64_t handle) noexcept : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      Free(handle_);
      handle_ = std::exchange(other.handle_, 0);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { Free(handle_); }

  std::uint64_t get() const noexcept { return handle_; }

 private:
  std::uint64_t handle_ = 0;
};

}  // namespace detail

}  // namespace conveyor

#endif
