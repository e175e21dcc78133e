// recvmmsg(2) and sendmmsg(2), which the C library shows to GNU programs alone. Its headers are not
// included, since their types belong to Swift's module of the C library.

// struct iovec
struct socket_piece {
    void *start;
    unsigned long octets;
};

// struct msghdr
struct socket_header {
    void *name;
    unsigned int name_octets;
    struct socket_piece *pieces;
    unsigned long piece_count;
    void *control;
    unsigned long control_octets;
    int flags;
};

// struct mmsghdr
struct socket_message {
    struct socket_header header;
    unsigned int octets;
};

int socket_receive(int, struct socket_message *, unsigned int, int, void *) __asm__("recvmmsg");
int socket_send(int, struct socket_message *, unsigned int, int) __asm__("sendmmsg");

// What programs are started with: from <unistd.h> and <spawn.h>, for GNU programs alone as well.
int descriptor_pipe(int ends[2], int flags) __asm__("pipe2");
int spawn_close_from(void *actions, int first)
    __asm__("posix_spawn_file_actions_addclosefrom_np");
