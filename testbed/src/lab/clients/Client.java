// HttpURLConnection, java.net.http, or a socket with ExtendedSocketOptions.
import java.net.HttpURLConnection;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Arrays;
import jdk.net.ExtendedSocketOptions;

class Client {
    public static void main(String[] words) throws Exception {
        var uri = URI.create(words[1]);
        switch (words[0]) {
            case "url" -> {
                var connection = (HttpURLConnection) uri.toURL().openConnection();
                print(connection.getInputStream().readAllBytes());
            }
            case "http" -> {
                var request = HttpRequest.newBuilder(uri).version(HttpClient.Version.HTTP_1_1).build();
                var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofByteArray());
                print(answer.body());
            }
            case "socket" -> {
                int seconds = Integer.parseInt(words[2]);
                try (var socket = new Socket(uri.getHost(), uri.getPort())) {
                    socket.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
                    socket.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, seconds);
                    socket.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, seconds);
                    var request = "GET " + uri.getPath() + " HTTP/1.1\r\nHost: lab\r\n\r\n";
                    socket.getOutputStream().write(request.getBytes());
                    var answer = new byte[4096];
                    int length = socket.getInputStream().read(answer);
                    print(Arrays.copyOf(answer, Math.max(length, 0)));
                }
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    static void print(byte[] bytes) {
        System.out.print(new String(bytes));
    }
}
