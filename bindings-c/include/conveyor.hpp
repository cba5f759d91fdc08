// conveyor.hpp: drivers for Conveyor CI in C++17, over conveyor_driver.h. Headers only: link libconveyor_driver.
//
// What owns something frees it, failures are exceptions of the type conveyor::Error, and what a reconcile throws
// answers its event and goes no further. Texts that are views live until their run is completed.
#ifndef CONVEYOR_HPP
#define CONVEYOR_HPP

#include "conveyor/driver.hpp"
#include "conveyor/json.hpp"
#include "conveyor/library_log.hpp"
#include "conveyor/manager.hpp"
#include "conveyor/stream.hpp"

#endif
