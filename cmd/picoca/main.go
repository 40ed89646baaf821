// Command picoca is a certificate authority for the boards in a home.
package main

func main() {}
