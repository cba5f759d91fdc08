// JSON for programs that have no reader of their own.
#ifndef CONVEYOR_JSON_HPP
#define CONVEYOR_JSON_HPP

#include <optional>
#include <string>
#include <string_view>

#include "detail.hpp"

namespace conveyor {

/// A value of a JSON text by its pointer, such as "/spec/command/0": text as it is, anything else as JSON.
inline std::optional<std::string> json_get(std::string_view json, std::string_view pointer) {
  return detail::found([&](conveyor_text* value, conveyor_error* error) {
    return conveyor_json_get(detail::view(json), detail::view(pointer), value, error);
  });
}

/// The same as JSON in any case: what can be put into another JSON text.
inline std::optional<std::string> json_get_raw(std::string_view json, std::string_view pointer) {
  return detail::found([&](conveyor_text* value, conveyor_error* error) {
    return conveyor_json_get_raw(detail::view(json), detail::view(pointer), value, error);
  });
}

/// Text as JSON has it, in quotes.
inline std::string json_quote(std::string_view text) { return detail::quoted(text); }

}  // namespace conveyor

#endif
