module godouble

go 1.18
