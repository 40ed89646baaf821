module github.com/picoca/picoca

go 1.26
