module github.com/open-ug/conveyor-driver/examples/go

go 1.24

require github.com/open-ug/conveyor-driver/bindings-go v0.1.0

replace github.com/open-ug/conveyor-driver/bindings-go => ../../bindings-go
