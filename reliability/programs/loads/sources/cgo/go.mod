module forkwatch.example/cgo

go 1.19
