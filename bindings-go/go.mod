module github.com/open-ug/conveyor-driver/bindings-go

go 1.24
