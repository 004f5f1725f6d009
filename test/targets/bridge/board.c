/*
 * A board with the library on a pseudo-terminal: what the bridge's tests talk with. Everything that a reset must not take is in
 * files of a folder.
 *
 *   board FOLDER LINK ID [frame=64] [window=1] [block=32] [count=4] [baud=0] [nodes=0] [drop=0] [latency=0] [echo=0]
 *
 * LINK is made a symbolic link to the terminal, as udev would. SIGUSR1 pulls the cable out and puts it back; SIGUSR2 resets.
 * nodes: so many on one line, with addresses from 1 on, FOLDER-1 and ID-1 and so on; drop: each passes over one block in so many by
 * chance. Two that speak at once end the board with 4, unless the machine had let it wait: then both were late. latency: what the
 * board says waits for so many milliseconds, or for 62 bytes, as in a USB adapter. echo: 1 answers each REQUEST with its own body, 2
 * sends back all bytes as they come.
 *
 * FOLDER/ran has a line for each command that was begun, FOLDER/firmware what runs, FOLDER/slot what is being written.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include "errand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 256
/* A round takes 20 ms at most; the host waits 60 ms for an answer (BUS_ANSWER_MILLIS in runtime/serial/limits.ts). */
#define LATE_US 50000u
#define FRAME_MAX 1024
#define WIRE_BYTES 4096u
#define ADAPTER_BYTES 62 /* of one packet of an FTDI adapter, its two status bytes apart */

static volatile sig_atomic_t cable_asked, reset_asked;

struct settings {
    const char *folder, *link, *id;
    unsigned frame, window, block, count, baud, addr, nodes, drop, latency, echo;
};

struct resume {
    uint32_t size, offset;
    uint8_t hash[ERRAND_HASH_BYTES];
};

/* One way of the line: bytes under way, and when each is there. */
struct wire {
    uint8_t bytes[WIRE_BYTES];
    uint64_t due_ns[WIRE_BYTES];
    uint64_t last_ns;
    size_t put, taken;
};

struct board {
    struct settings set;
    struct errand_link link;
    struct errand_pull pull;
    struct errand_jobs jobs;
    uint8_t rx[FRAME_MAX], tx[FRAME_MAX * (ERRAND_WINDOW_MAX + 1)], page[PAGE_BYTES];
    uint8_t firmware_hash[ERRAND_HASH_BYTES];
    int slot, master, slave;
    bool switching;
    bool until_stopped;
    uint64_t ends_ms, began_ms;
    struct wire in, out;
    char text[200];
    uint32_t chance;
    uint8_t held[ADAPTER_BYTES];
    size_t held_bytes;
    uint64_t held_until_us;
};

#define NODES_MAX 16

static const char *const COMMANDS[] = {"add", "slow", "fail", "print", "die"};

static void on_signal(int number)
{
    if (number == SIGUSR1)
        cable_asked = 1;
    else
        reset_asked = 1;
}

static uint64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

static const char *in_folder(const struct board *board, const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", board->set.folder, name);
    return path;
}

static bool load(const struct board *board, const char *name, void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(board, name), "rb");
    bool whole = file != NULL && fread(bytes, 1, size, file) == size;
    if (file != NULL)
        fclose(file);
    return whole;
}

static void save(const struct board *board, const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(board, name), "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size)
        exit(3);
    fclose(file);
}

static int flash_write(void *context, uint32_t offset, const uint8_t *page, uint16_t size)
{
    struct board *board = context;
    return pwrite(board->slot, page, size, (off_t)offset) == size ? 0 : -1;
}

static int flash_read(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    struct board *board = context;
    return pread(board->slot, bytes, size, (off_t)offset) == size ? 0 : -1;
}

/* What a reset does: everything that is not in a file is gone. */
static void boot(struct board *board)
{
    uint32_t boots = 0;
    struct settings set = board->set;
    load(board, "boots", &boots, sizeof boots);
    boots++;
    save(board, "boots", &boots, sizeof boots);
    memset(&board->link, 0, sizeof board->link);
    memset(&board->jobs, 0, sizeof board->jobs);
    memset(&board->pull, 0, sizeof board->pull);
    memset(board->firmware_hash, 0, sizeof board->firmware_hash);
    load(board, "hash", board->firmware_hash, sizeof board->firmware_hash);
    board->switching = false;
    board->jobs.pull = &board->pull;
    board->pull.count = (uint8_t)set.count;
    board->pull.page_size = PAGE_BYTES;
    board->pull.block_size = (uint16_t)set.block;
    board->pull.page = board->page;
    board->pull.flash_write = flash_write;
    board->pull.flash_read = flash_read;
    board->pull.context = board;
    board->link.window = (uint8_t)set.window;
    board->link.addr = (uint8_t)set.addr;
    board->link.rx = board->rx;
    board->link.rx_size = (uint16_t)set.frame;
    board->link.tx = board->tx;
    board->link.tx_size = FRAME_MAX;
    board->link.boot_id = 1000 + boots;
    errand_link_init(&board->link);
}

/* The whole image becomes what runs; then the reset. */
static void switch_over(struct board *board)
{
    uint8_t *image = malloc(board->pull.size);
    if (image == NULL || pread(board->slot, image, board->pull.size, 0) != (ssize_t)board->pull.size)
        exit(3);
    save(board, "firmware", image, board->pull.size);
    save(board, "hash", board->pull.hash, sizeof board->pull.hash);
    free(image);
    unlink(in_folder(board, "resume"));
    boot(board);
}

static void plug(struct board *board)
{
    struct termios raw;
    char made[1024];
    board->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (board->master < 0 || grantpt(board->master) != 0 || unlockpt(board->master) != 0)
        exit(3);
    board->slave = open(ptsname(board->master), O_RDWR | O_NOCTTY); /* so that the other end may come and go */
    tcgetattr(board->slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(board->slave, TCSANOW, &raw);
    snprintf(made, sizeof made, "%s.new", board->set.link);
    unlink(made);
    if (symlink(ptsname(board->master), made) != 0 || rename(made, board->set.link) != 0)
        exit(3);
}

static void unplug(struct board *board)
{
    unlink(board->set.link);
    close(board->master);
    close(board->slave);
    board->master = -1;
}

static void say_hello(const struct board *board, struct errand_writer *writer)
{
    const struct errand_link *link = &board->link;
    errand_write_head(writer, ERRAND_MAP, 7);
    errand_write_pair(writer, ERRAND_KEY_VERSION, ERRAND_WIRE_VERSION);
    errand_write_pair(writer, ERRAND_KEY_BOOT_ID, link->boot_id);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_HARDWARE_ID);
    errand_write_string(writer, ERRAND_TEXT, board->set.id, strlen(board->set.id));
    errand_write_pair(writer, ERRAND_KEY_FRAME_BYTES, link->rx_size);
    errand_write_pair(writer, ERRAND_KEY_WINDOW, link->window);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_FIRMWARE_HASH);
    errand_write_string(writer, ERRAND_BYTES, board->firmware_hash, 8);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_COMMANDS);
    errand_write_head(writer, ERRAND_ARRAY, sizeof COMMANDS / sizeof *COMMANDS);
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        errand_write_string(writer, ERRAND_TEXT, COMMANDS[i], strlen(COMMANDS[i]));
}

static bool is(const struct errand_item *text, const char *word)
{
    return text->value == strlen(word) && memcmp(text->bytes, word, text->value) == 0;
}

static void put(const struct board *board, const void *bytes, size_t size)
{
    if (board->master >= 0 && write(board->master, bytes, size) < 0 && errno != EAGAIN)
        exit(3); /* EAGAIN: nobody listens, and a UART does not wait */
}

static void release(struct board *board)
{
    put(board, board->held, board->held_bytes);
    board->held_bytes = 0;
}

/* Through the adapter, which collects. */
static void transmit(struct board *board, const void *bytes, size_t size)
{
    if (board->set.latency == 0) {
        put(board, bytes, size);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        if (board->held_bytes == 0)
            board->held_until_us = now_us() + board->set.latency * 1000u;
        board->held[board->held_bytes++] = ((const uint8_t *)bytes)[i];
        if (board->held_bytes == ADAPTER_BYTES)
            release(board);
    }
}

/* Begins a command; one that takes time goes on in work(). */
static void begin(struct board *board)
{
    struct errand_jobs *jobs = &board->jobs;
    const uint8_t *at = jobs->args.bytes;
    struct errand_item item;
    int32_t sum = 0;
    FILE *ran = fopen(in_folder(board, "ran"), "a");
    fprintf(ran, "%.*s\n", (int)jobs->command.value, (const char *)jobs->command.bytes);
    fclose(ran);
    if (is(&jobs->command, "add")) {
        for (uint32_t i = 0; i < jobs->args.value; i++) {
            at = errand_item_read(at, jobs->args_end, &item);
            if (at == NULL || (item.major != ERRAND_UINT && item.major != ERRAND_NINT)) {
                jobs->state = ERRAND_STATE_FAILED;
                jobs->words = "add takes whole numbers";
                return;
            }
            sum += errand_item_int(&item);
        }
        jobs->has_result = true;
        jobs->result = sum;
        jobs->state = ERRAND_STATE_SUCCEEDED;
    } else if (is(&jobs->command, "slow")) {
        board->began_ms = now_us() / 1000;
        board->ends_ms = board->began_ms + 1000;
        if (jobs->args.value > 0 && errand_item_read(at, jobs->args_end, &item) != NULL)
            board->ends_ms = board->began_ms + item.value;
        jobs->words = "taking its time";
    } else if (is(&jobs->command, "fail")) {
        jobs->state = ERRAND_STATE_FAILED;
        jobs->has_result = true;
        jobs->result = -7;
        jobs->words = "the sensor does not answer";
    } else if (is(&jobs->command, "print")) {
        for (uint32_t i = 0; i < jobs->args.value; i++) {
            at = errand_item_read(at, jobs->args_end, &item);
            if (at == NULL || item.major != ERRAND_TEXT)
                break;
            snprintf(board->text, sizeof board->text, "%.*s\r\n", (int)item.value, (const char *)item.bytes);
        }
        jobs->state = ERRAND_STATE_SUCCEEDED;
    } else if (is(&jobs->command, "die")) {
        reset_asked = 1;
    } else {
        jobs->state = ERRAND_STATE_REFUSED;
    }
}

/* Another image than the last: goes on where a reset cut it off, or begins anew. */
static void begin_image(struct board *board, struct errand_writer *writer)
{
    struct resume resume;
    board->pull.offset = 0;
    if (load(board, "resume", &resume, sizeof resume) && resume.size == board->pull.size &&
        memcmp(resume.hash, board->pull.hash, sizeof resume.hash) == 0)
        board->pull.offset = resume.offset;
    errand_pull_init(&board->pull);
    errand_pull_write(&board->pull, writer);
}

static void remember_page(struct board *board)
{
    struct resume resume = {board->pull.size, board->pull.offset, {0}};
    memcpy(resume.hash, board->pull.hash, sizeof resume.hash);
    save(board, "resume", &resume, sizeof resume);
}

static bool handle(struct board *board)
{
    const uint8_t *body;
    size_t size;
    struct errand_writer writer;
    enum errand_type type = errand_link_frame(&board->link, &body, &size);
    if (type == ERRAND_NOTHING)
        return false;
    errand_write_init(&writer, errand_link_room(&board->link), FRAME_MAX - ERRAND_AROUND_BODY);
    if (type == ERRAND_HELLO) {
        say_hello(board, &writer);
    } else if (type == ERRAND_DATA) {
        board->chance = board->chance * 1664525u + 1013904223u;
        if (board->set.drop > 0 && (board->chance >> 8) % board->set.drop == 0)
            ; /* lost on the way */
        else if (errand_pull_block(&board->pull, body, size) == 1)
            remember_page(board);
    } else if (board->set.echo == 1) {
        memcpy(writer.bytes, body, size);
        writer.used = size;
    } else {
        switch (errand_jobs_take(&board->jobs, body, size, &writer)) {
        case ERRAND_JOBS_RUN:
            begin(board);
            errand_jobs_write(&board->jobs, &writer);
            break;
        case ERRAND_JOBS_STOP:
            board->jobs.state = ERRAND_STATE_FAILED;
            board->jobs.words = "stopped";
            errand_jobs_write(&board->jobs, &writer);
            break;
        case ERRAND_JOBS_FLASH:
            begin_image(board, &writer);
            break;
        case ERRAND_JOBS_SWITCH:
            board->switching = true;
            break;
        case ERRAND_JOBS_DONE:
            break;
        }
    }
    errand_link_answer(&board->link, type == ERRAND_DATA ? 0 : writer.used);
    return true;
}

/* Bytes set out on a line of this speed: each needs its time, and none comes early for a pause before it. */
static void set_out(struct wire *wire, unsigned baud, const uint8_t *bytes, size_t size)
{
    uint64_t now = now_us() * 1000u;
    for (size_t i = 0; i < size; i++) {
        wire->last_ns = (wire->last_ns > now ? wire->last_ns : now) + 10000000000u / baud;
        wire->bytes[wire->put % WIRE_BYTES] = bytes[i];
        wire->due_ns[wire->put++ % WIRE_BYTES] = wire->last_ns;
    }
}

/* The next bytes that have arrived, up to `size`. */
static size_t arrived(struct wire *wire, uint8_t *bytes, size_t size)
{
    uint64_t now = now_us() * 1000u;
    size_t used = 0;
    while (used < size && wire->taken != wire->put && wire->due_ns[wire->taken % WIRE_BYTES] <= now)
        bytes[used++] = wire->bytes[wire->taken++ % WIRE_BYTES];
    return used;
}

static void work(struct board *board)
{
    struct errand_jobs *jobs = &board->jobs;
    uint64_t now = now_us() / 1000;
    for (int i = 0; i < 64 && errand_jobs_work(jobs); i++)
        continue;
    if (jobs->run == 0 || jobs->state != ERRAND_STATE_RUNNING)
        return;
    if (now >= board->ends_ms) {
        jobs->state = ERRAND_STATE_SUCCEEDED;
        jobs->words = NULL;
    } else {
        jobs->progress = (uint8_t)(100 * (now - board->began_ms) / (board->ends_ms - board->began_ms));
    }
}

static void feed(struct board *boards, unsigned nodes, const uint8_t *bytes, size_t size)
{
    for (unsigned i = 0; i < nodes; i++)
        for (size_t at = 0; at < size && !boards[i].switching;) {
            at += errand_link_feed(&boards[i].link, bytes + at, size - at);
            handle(&boards[i]);
        }
}

static void take_input(struct board *boards, unsigned nodes)
{
    uint8_t bytes[512];
    struct wire *in = &boards->in;
    bool paced = boards->set.baud > 0;
    size_t room = paced ? WIRE_BYTES - (in->put - in->taken) : sizeof bytes;
    ssize_t size = read(boards->master, bytes, room < sizeof bytes ? room : sizeof bytes);
    if (size > 0 && boards->set.echo == 2)
        put(boards, bytes, (size_t)size);
    else if (size > 0 && paced)
        set_out(in, boards->set.baud, bytes, (size_t)size);
    else if (size > 0)
        feed(boards, nodes, bytes, (size_t)size);
    while (paced && (size = (ssize_t)arrived(in, bytes, sizeof bytes)) > 0)
        feed(boards, nodes, bytes, (size_t)size);
}

/* Bytes of the link's, as far as the line has had time for them. True when all it has to say is said. */
static bool say_all(struct board *board, bool *spoke)
{
    uint8_t bytes[64];
    size_t size;
    for (;;) {
        if (board->set.baud > 0) {
            while ((size = arrived(&board->out, bytes, sizeof bytes)) > 0)
                transmit(board, bytes, size);
            if (board->out.put != board->out.taken)
                return false;
        }
        size = errand_link_output(&board->link, bytes, sizeof bytes);
        if (size == 0)
            return true;
        *spoke = true;
        if (board->set.baud > 0)
            set_out(&board->out, board->set.baud, bytes, size);
        else
            transmit(board, bytes, size);
    }
}

/* True when it said something. */
static bool give_output(struct board *board)
{
    bool spoke = false;
    if (!say_all(board, &spoke))
        return spoke;
    if (board->text[0] != 0) {
        transmit(board, board->text, strlen(board->text));
        board->text[0] = 0;
    }
    if (board->switching)
        switch_over(board);
    return spoke;
}

static void start(struct board *board, const struct settings *set, unsigned node)
{
    static char names[NODES_MAX][2][1024];
    board->set = *set;
    board->chance = node;
    if (set->nodes > 0) {
        snprintf(names[node][0], sizeof names[node][0], "%s-%u", set->folder, node + 1);
        snprintf(names[node][1], sizeof names[node][1], "%s-%u", set->id, node + 1);
        board->set.folder = names[node][0];
        board->set.id = names[node][1];
        board->set.addr = node + 1;
    }
    mkdir(board->set.folder, 0700);
    board->slot = open(in_folder(board, "slot"), O_RDWR | O_CREAT, 0600);
    boot(board);
}

int main(int argc, char **argv)
{
    static struct board boards[NODES_MAX];
    struct sigaction act = {0};
    if (argc < 4)
        return 2;
    struct settings set = {argv[1], argv[2], argv[3], 64, 1, 32, 4, 0, 0, 0, 0, 0, 0};
    for (int i = 4; i < argc; i++) {
        if (sscanf(argv[i], "frame=%u", &set.frame) != 1 && sscanf(argv[i], "window=%u", &set.window) != 1 &&
            sscanf(argv[i], "block=%u", &set.block) != 1 && sscanf(argv[i], "count=%u", &set.count) != 1 &&
            sscanf(argv[i], "baud=%u", &set.baud) != 1 && sscanf(argv[i], "nodes=%u", &set.nodes) != 1 &&
            sscanf(argv[i], "drop=%u", &set.drop) != 1 && sscanf(argv[i], "latency=%u", &set.latency) != 1 &&
            sscanf(argv[i], "echo=%u", &set.echo) != 1)
            return 2;
    }
    if (set.nodes > NODES_MAX)
        return 2;
    unsigned nodes = set.nodes > 0 ? set.nodes : 1;
    act.sa_handler = on_signal;
    sigaction(SIGUSR1, &act, NULL);
    sigaction(SIGUSR2, &act, NULL);
    for (unsigned i = 0; i < nodes; i++)
        start(&boards[i], &set, i);
    plug(&boards[0]);
    printf("ready\n");
    fflush(stdout);
    uint64_t round_us = now_us();
    for (;;) {
        struct pollfd wait = {boards[0].master, POLLIN, 0};
        bool busy = set.baud > 0;
        unsigned spoke = 0;
        uint64_t before = round_us;
        for (unsigned i = 0; i < nodes; i++)
            busy = busy || (boards[i].jobs.verified == ERRAND_STATE_RUNNING && boards[i].pull.offset >= boards[i].pull.size) ||
                   (boards[i].jobs.run != 0 && boards[i].jobs.state == ERRAND_STATE_RUNNING);
        poll(&wait, boards[0].master < 0 ? 0 : 1, busy ? 1 : 20);
        round_us = now_us();
        if (cable_asked) {
            cable_asked = 0;
            if (boards[0].master >= 0)
                unplug(&boards[0]);
            else
                plug(&boards[0]);
        }
        for (unsigned i = 0; i < nodes; i++) {
            if (reset_asked)
                boot(&boards[i]);
            boards[i].master = boards[0].master;
            while (handle(&boards[i]))
                continue;
        }
        reset_asked = 0;
        if (boards[0].master >= 0)
            take_input(boards, nodes);
        if (boards[0].held_bytes > 0 && now_us() >= boards[0].held_until_us)
            release(&boards[0]);
        for (unsigned i = 0; i < nodes; i++) {
            work(&boards[i]);
            spoke += give_output(&boards[i]);
        }
        if (spoke > 1 && now_us() - before < LATE_US)
            return 4;
    }
}
