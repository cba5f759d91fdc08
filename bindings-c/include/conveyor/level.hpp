// How much a log line matters.
#ifndef CONVEYOR_LEVEL_HPP
#define CONVEYOR_LEVEL_HPP

#include "../conveyor_driver.h"

namespace conveyor {

/// How much a line matters.
enum class Level : conveyor_level {
  debug = CONVEYOR_DEBUG,
  info = CONVEYOR_INFO,
  warning = CONVEYOR_WARNING,
  error = CONVEYOR_ERROR,
};

}  // namespace conveyor

#endif
