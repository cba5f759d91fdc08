module github.com/open-ug/conveyor-driver/bench/go

go 1.24

replace github.com/open-ug/conveyor-driver/bindings-go => ../../bindings-go

require github.com/open-ug/conveyor-driver/bindings-go v0.1.0
