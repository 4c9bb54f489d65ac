// The registers by which the program talks to the host that emulates it, machine.py: its console, its clock, the files
// that it writes. They take the place of USB, timer and flash driver. Addresses of memory are the chip's.
#pragma once

#include <stdint.h>

typedef struct {
    volatile uint32_t input;        // read: the next byte, or NOTHING
    volatile uint32_t output;       // where bytes to be sent lie
    volatile uint32_t output_bytes; // write: sends so many
    volatile uint32_t microseconds; // read: since the start
    volatile uint32_t stop;         // write: the program ends, for this reason
    volatile uint32_t file;         // its name, ended by a zero
    volatile uint32_t file_bytes;   // read: its size, or NOTHING if there is none. write: appends so many bytes of buffer
    volatile uint32_t file_make;    // write: the file is there and empty
    volatile uint32_t file_at;      // where to read in the file
    volatile uint32_t file_read;    // write: reads so many bytes into buffer
    volatile uint32_t buffer;
} host_t;

#define HOST ((host_t *)0x40000000)
#define NOTHING 0xffffffffu

enum { ENDED, EXCEPTION, NO_HANDLER, ABORTED, FAULT, NO_ARCHIVE };
