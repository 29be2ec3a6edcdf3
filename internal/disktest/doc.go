// Package disktest lets tests fill a disk: a file system of a few megabytes in memory, where nobody else sees it. It is there
// on Linux only.
package disktest
