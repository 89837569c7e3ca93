module hal_scheduler

go 1.19
