import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.TreeSet;

/** What tools do with a driver: java Explore.java URL parameters|metadata|cancel [property=value …]. Prints a line per finding. */
public class Explore {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    for (int i = 2; i < args.length; i++) {
      int at = args[i].indexOf('=');
      properties.setProperty(args[i].substring(0, at), args[i].substring(at + 1));
    }
    try (Connection connection = DriverManager.getConnection(args[0], properties)) {
      switch (args[1]) {
        case "parameters" -> parameters(connection);
        case "metadata" -> metadata(connection.getMetaData());
        case "cancel" -> cancel(connection);
        default -> throw new IllegalArgumentException(args[1]);
      }
    } catch (Exception e) {
      for (Throwable t = e; t != null; t = t.getCause()) {
        System.err.println(t);
      }
      System.exit(1);
    }
    System.exit(0);
  }

  static void print(String what, ResultSet set) throws SQLException {
    try (ResultSet rows = set) {
      lines(what, rows);
    }
  }

  static void lines(String what, ResultSet rows) throws SQLException {
    ResultSetMetaData meta = rows.getMetaData();
    List<String> lines = new ArrayList<>();
    while (rows.next()) {
      StringBuilder line = new StringBuilder();
      for (int c = 1; c <= meta.getColumnCount(); c++) {
        line.append(c > 1 ? "," : "").append(rows.getString(c));
      }
      lines.add(line.toString());
    }
    System.out.println(what + "=" + String.join(";", lines));
  }

  static void parameters(Connection connection) throws SQLException {
    try (PreparedStatement s = connection.prepareStatement("SELECT i FROM range(10) t(i) WHERE i >= ? AND i < ? ORDER BY i")) {
      System.out.println("count=" + s.getParameterMetaData().getParameterCount());
      System.out.println("type=" + s.getParameterMetaData().getParameterTypeName(1));
      s.setLong(1, 3);
      s.setLong(2, 6);
      print("range", s.executeQuery());
      s.setLong(1, 8);
      s.setLong(2, 100);
      print("again", s.executeQuery());
    }
    try (PreparedStatement s = connection.prepareStatement("SELECT ? AS text, upper(?) AS upper")) {
      s.setString(1, "it's; -- ?");
      s.setString(2, "ü");
      print("text", s.executeQuery());
      s.setNull(1, java.sql.Types.VARCHAR);
      s.setString(2, "");
      print("null", s.executeQuery());
    }
    try (PreparedStatement s = connection.prepareStatement("SELECT count(*) FROM log_entries WHERE level = ? AND target = ?")) {
      s.setInt(1, 4);
      s.setString(2, "nobody");
      print("logs", s.executeQuery());
    }
  }

  static void metadata(DatabaseMetaData m) throws SQLException {
    System.out.println("product=" + m.getDatabaseProductName());
    print("catalogs", m.getCatalogs());
    print("schemas", m.getSchemas());
    print("types", m.getTableTypes());
    print("tables", m.getTables(null, null, "log%", null));
    ResultSet columns = m.getColumns(null, null, "log_entries", "%");
    TreeSet<String> names = new TreeSet<>();
    while (columns.next()) {
      names.add(columns.getString("COLUMN_NAME") + ":" + columns.getString("TYPE_NAME"));
    }
    columns.close();
    System.out.println("columns=" + names);
    print("keys", m.getPrimaryKeys(null, null, "log_entries"));
    print("imported", m.getImportedKeys(null, null, "log_entries"));
    print("exported", m.getExportedKeys(null, null, "log_entries"));
    print("cross", m.getCrossReference(null, null, "log_entries", null, null, "measures"));
    // Everything that needs no argument: a driver falls over what a server does not tell.
    TreeSet<String> failed = new TreeSet<>();
    for (Method method : DatabaseMetaData.class.getMethods()) {
      if (method.getParameterCount() > 0 || method.getDeclaringClass() != DatabaseMetaData.class) {
        continue;
      }
      try {
        if (method.invoke(m) instanceof ResultSet rows) {
          rows.close();
        }
      } catch (InvocationTargetException e) {
        failed.add(method.getName() + " " + e.getCause().getClass().getSimpleName());
      } catch (IllegalAccessException e) {
        failed.add(method.getName() + " " + e);
      }
    }
    System.out.println("failed=" + failed);
  }

  static void cancel(Connection connection) throws Exception {
    try (Statement s = connection.createStatement()) {
      ResultSet rows = s.executeQuery("SELECT a.range FROM range(1000000000000) a");
      rows.next();
      s.cancel();
      try {
        while (rows.next()) {}
        System.out.println("cancel=ended");
      } catch (SQLException e) {
        System.out.println("cancel=" + e.getClass().getSimpleName());
      }
    }
    try (Statement s = connection.createStatement()) {
      print("after", s.executeQuery("SELECT 1"));
    }
  }
}
