package conveyor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// documents are the options of a manager and its drivers as the library reads them.
type documents struct {
	manager string
	drivers []string
}

// documents fails with all that Go alone can see: what JSON cannot hold, and drivers that nobody does the runs of.
func (manager *Manager) documents() (documents, error) {
	var all documents
	var faults []Fact
	options := map[string]any{}
	maps.Copy(options, manager.options)
	if _, given := options["signals"].(bool); given || options["signals"] == nil {
		// Go has its own way with signals.
		options["signals"] = false
	}
	all.manager = document("", options, &faults)
	for i, driver := range manager.drivers {
		path := fmt.Sprintf("drivers[%d]", i)
		switch {
		case driver == nil:
			faults = append(faults, Fact{path, "is nil"})
		case driver.function == nil:
			faults = append(faults, Fact{path + ".function", "is nil: nobody would do its runs"})
		default:
			all.drivers = append(all.drivers, document(path+".", driver.options, &faults))
		}
	}
	if len(faults) == 0 {
		return all, nil
	}
	plural := ""
	if len(faults) > 1 {
		plural = "s"
	}
	return all, newError(CodeOptionsInvalid, fmt.Sprintf("%d fault%s in the options", len(faults), plural), faults...)
}

// document is an object of options. Each that JSON cannot hold is a fault.
func document(path string, options map[string]any, faults *[]Fact) string {
	text, err := json.Marshal(options)
	if err == nil {
		return string(text)
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if _, err := json.Marshal(options[name]); err != nil {
			*faults = append(*faults, Fact{path + name, err.Error()})
		}
	}
	return ""
}
