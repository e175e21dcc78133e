// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A disk that is slow or fails, and a clock that somebody sets, for one program.
///
/// A small library stands between the program and the C library (`LD_PRELOAD`). What it does is
/// written into a file that both have mapped, so it changes while the program runs. Unlike a real
/// file system it cannot be remounted in vain because files are open, and needs no rights.
final class Interference {
    /// For the program that is to suffer.
    let environment: [String: String]
    private let control: UnsafeMutablePointer<Control>

    /// As in the library.
    private struct Control {
        var delayMilliseconds: Int64 = 0
        var error: Int64 = 0
        var clockOffsetSeconds: Int64 = 0
        /// Counts up: syncs of files in the folder.
        var syncs: Int64 = 0
    }

    static let compiler = path(of: "cc") ?? path(of: "clang")

    /// `folder`: whose files are meant; the clock is everybody's.
    init(_ stage: Stage, folder: String) async throws {
        let compiler = try #require(Self.compiler)
        let source = try stage.write(Self.source, to: "interference.c")
        let library = stage.path("interference.so")
        let built = try await stage.run(
            compiler, ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"])
        try #require(built.status == 0, "\(built.output)")
        let size = MemoryLayout<Control>.size
        let file = try stage.write(String(repeating: "\0", count: size), to: "interference")
        environment = [
            "LD_PRELOAD": library, "INTERFERENCE_CONTROL": file, "INTERFERENCE_FOLDER": folder,
        ]
        let descriptor = open(file, O_RDWR)
        defer { close(descriptor) }
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        control = try #require(memory == MAP_FAILED ? nil : memory).bindMemory(
            to: Control.self, capacity: 1)
    }

    deinit { munmap(control, MemoryLayout<Control>.size) }

    /// Every sync takes so long from now on.
    func slow(milliseconds: Int) { control.pointee.delayMilliseconds = Int64(milliseconds) }

    /// Whatever would change a file or folder fails with this (`EROFS`, say); 0: works again.
    func fail(with error: Int32) { control.pointee.error = Int64(error) }

    /// The calendar shows so much more than the truth; other clocks go on.
    func setClock(aheadBy seconds: Int) { control.pointee.clockOffsetSeconds = Int64(seconds) }

    /// How many syncs there were.
    var syncs: Int { Int(control.pointee.syncs) }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdarg.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/stat.h>
        #include <sys/time.h>
        #include <sys/uio.h>
        #include <time.h>
        #include <unistd.h>

        static struct { volatile int64_t delay, error, offset, syncs; } nothing, *control = &nothing;
        static const char *folder = "/nowhere";

        __attribute__((constructor)) static void begin(void) {
            const char *file = getenv("INTERFERENCE_CONTROL");
            if (getenv("INTERFERENCE_FOLDER")) folder = getenv("INTERFERENCE_FOLDER");
            if (!file) return;
            int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
            int descriptor = real(file, O_RDWR | O_CLOEXEC);
            void *memory = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
            if (memory != MAP_FAILED) control = memory;
            close(descriptor);
        }

        static int is_meant(const char *path) { return path && !strncmp(path, folder, strlen(folder)); }

        static int is_file(int descriptor) {
            char name[64], path[4096];
            if (descriptor < 3) return 0;
            snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
            ssize_t length = readlink(name, path, sizeof path - 1);
            if (length < 0) return 0;
            path[length] = 0;
            return is_meant(path);
        }

        static int fails(int is_ours) {
            if (!control->error || !is_ours) return 0;
            errno = (int)control->error;
            return 1;
        }

        #define REAL(type, name, parameters) \
            static type (*real) parameters; if (!real) real = dlsym(RTLD_NEXT, #name)

        #define OPEN(name) \
            int name(const char *path, int flags, ...) { \
                REAL(int, name, (const char *, int, ...)); \
                va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
                if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && fails(control->error && is_meant(path))) \
                    return -1; \
                return real(path, flags, mode); \
            }
        OPEN(open)
        OPEN(open64)

        #define OPENAT(name) \
            int name(int at, const char *path, int flags, ...) { \
                REAL(int, name, (int, const char *, int, ...)); \
                va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
                if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && fails(control->error && is_meant(path))) \
                    return -1; \
                return real(at, path, flags, mode); \
            }
        OPENAT(openat)
        OPENAT(openat64)

        #define ON_FILE(type, name, parameters, arguments) \
            type name parameters { \
                REAL(type, name, parameters); \
                if (fails(control->error && is_file(descriptor))) return -1; \
                return real arguments; \
            }
        ON_FILE(ssize_t, write, (int descriptor, const void *p, size_t n), (descriptor, p, n))
        ON_FILE(ssize_t, writev, (int descriptor, const struct iovec *p, int n), (descriptor, p, n))
        ON_FILE(ssize_t, pwrite, (int descriptor, const void *p, size_t n, off_t o), (descriptor, p, n, o))
        ON_FILE(ssize_t, pwrite64, (int descriptor, const void *p, size_t n, off64_t o), (descriptor, p, n, o))
        ON_FILE(int, ftruncate, (int descriptor, off_t n), (descriptor, n))
        ON_FILE(int, ftruncate64, (int descriptor, off64_t n), (descriptor, n))
        ON_FILE(int, fallocate, (int descriptor, int m, off_t o, off_t n), (descriptor, m, o, n))

        #define SYNC(name) \
            int name(int descriptor) { \
                REAL(int, name, (int)); \
                if (is_file(descriptor)) { \
                    __atomic_add_fetch(&control->syncs, 1, __ATOMIC_RELAXED); \
                    if (control->delay) usleep((useconds_t)control->delay * 1000); \
                } \
                return real(descriptor); \
            }
        SYNC(fsync)
        SYNC(fdatasync)

        #define ON_PATH(name, parameters, arguments) \
            int name parameters { \
                REAL(int, name, parameters); \
                if (fails(control->error && is_meant(path))) return -1; \
                return real arguments; \
            }
        ON_PATH(unlink, (const char *path), (path))
        ON_PATH(mkdir, (const char *path, mode_t m), (path, m))
        ON_PATH(rename, (const char *old, const char *path), (old, path))
        ON_PATH(link, (const char *old, const char *path), (old, path))

        int clock_gettime(clockid_t clock, struct timespec *time) {
            REAL(int, clock_gettime, (clockid_t, struct timespec *));
            int code = real(clock, time);
            if (!code && clock == CLOCK_REALTIME) time->tv_sec += control->offset;
            return code;
        }

        int gettimeofday(struct timeval *time, void *zone) {
            REAL(int, gettimeofday, (struct timeval *, void *));
            int code = real(time, zone);
            if (!code) time->tv_sec += control->offset;
            return code;
        }

        time_t time(time_t *result) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (result) *result = now.tv_sec;
            return now.tv_sec;
        }
        """#
}

extension Trait where Self == ConditionTrait {
    /// Skips the test where the library that interferes cannot be made.
    static var canInterfere: Self {
        .enabled(
            if: Interference.compiler != nil,
            "needs a C compiler, cc or clang, to make a library for LD_PRELOAD")
    }
}
