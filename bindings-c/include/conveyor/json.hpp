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
  conveyor_text value = 0;
  conveyor_error error = 0;
  const conveyor_code code = conveyor_json_get(detail::view(json), detail::view(pointer), &value, &error);
  if (code == CONVEYOR_OK) return detail::take(value);
  if (code != CONVEYOR_E_NOT_FOUND) detail::raise(code, error);
  conveyor_error_free(error);
  return std::nullopt;
}

/// The same as JSON in any case: what can be put into another JSON text.
inline std::optional<std::string> json_get_raw(std::string_view json, std::string_view pointer) {
  conveyor_text value = 0;
  conveyor_error error = 0;
  const conveyor_code code =
      conveyor_json_get_raw(detail::view(json), detail::view(pointer), &value, &error);
  if (code == CONVEYOR_OK) return detail::take(value);
  if (code != CONVEYOR_E_NOT_FOUND) detail::raise(code, error);
  conveyor_error_free(error);
  return std::nullopt;
}

/// Text as JSON has it, in quotes.
inline std::string json_quote(std::string_view text) { return detail::quoted(text); }

}  // namespace conveyor

#endif
