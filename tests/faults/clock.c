/* LD_PRELOAD: the wall clock runs BEEJAN_CLOCK (a file with seconds, read each time) ahead. The monotonic one is left. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *offset;

static void __attribute__((constructor)) begin(void) {
    const char *path = getenv("BEEJAN_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset = page;
    close(file);
}

static long ahead(void) { return offset ? *offset : 0; }

#define NEXT(name, ...) \
    static int (*next)(__VA_ARGS__); \
    if (!next) next = dlsym(RTLD_NEXT, name)

int clock_gettime(clockid_t id, struct timespec *out) {
    NEXT("clock_gettime", clockid_t, struct timespec *);
    int result = next(id, out);
    if (!result && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) out->tv_sec += ahead();
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    NEXT("gettimeofday", struct timeval *, void *);
    int result = next(out, zone);
    if (!result) out->tv_sec += ahead();
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

/* The kernel waits by its own clock. A deadline before 2001 is one of the monotonic clock. */
static struct timespec real(const struct timespec *until) {
    struct timespec moved = *until;
    if (moved.tv_sec > 1000000000) moved.tv_sec -= ahead();
    return moved;
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, const struct timespec *restrict u) {
    static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!next) next = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    struct timespec moved = real(u);
    return next(c, m, &moved);
}

int sem_timedwait(sem_t *restrict s, const struct timespec *restrict u) {
    NEXT("sem_timedwait", sem_t *, const struct timespec *);
    struct timespec moved = real(u);
    return next(s, &moved);
}
